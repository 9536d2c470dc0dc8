import hashlib

import pytest

from nightporter.access.actor import Actor, Scope
from nightporter.access.rights import Right
from nightporter.access.tokens import same, token_hash
from nightporter.domain.errors import Invalid, NotPermitted


def actor(enterprises=("b", "a"), *, is_portfolio=False, rights=frozenset()):
    return Actor("token", "integration", "Kiosk", "client", tuple(enterprises), is_portfolio, frozenset({"d"}), rights)


def test_the_whole_scope_is_that_of_the_token():
    assert actor().whole_scope == Scope(("b", "a"), frozenset({"d"}), "integration")
    assert actor().scope() is not None
    assert actor().scope(None) == actor().whole_scope


@pytest.mark.parametrize(
    ("asked", "seen"), [([], ()), (["x"], ()), (["a"], ("a",)), (["b", "x", "a", "b"], ("a", "b"))]
)
def test_a_narrowed_scope_leaves_out_what_is_not_the_tokens(asked, seen):
    assert actor().scope(asked) == Scope(seen, frozenset({"d"}), "integration")


@pytest.mark.parametrize("enterprise_id", [None, "a", "x"])
def test_a_single_token_acts_on_its_enterprise_whatever_was_named(enterprise_id):
    assert actor(("b",)).enterprise(enterprise_id) == "b"


def test_a_portfolio_token_acts_on_the_enterprise_that_was_named():
    assert actor(is_portfolio=True).enterprise("a") == "a"
    assert actor(is_portfolio=True).enterprise("b") == "b"


@pytest.mark.parametrize("enterprise_id", [None, "x", ""])
def test_a_portfolio_token_must_name_an_enterprise_of_its_own(enterprise_id):
    with pytest.raises(Invalid) as refused:
        actor(is_portfolio=True).enterprise(enterprise_id)
    assert refused.value.parameter == "EnterpriseId"


def test_a_portfolio_token_is_not_admitted_where_portfolios_are_not():
    with pytest.raises(NotPermitted, match="Invalid AccessToken"):
        actor(is_portfolio=True).permit(None, portfolio=False)
    actor(is_portfolio=True).permit(None, portfolio=True)
    actor().permit(None, portfolio=False)
    actor().permit(None, portfolio=True)


@pytest.mark.parametrize("right", Right)
def test_a_restricted_operation_needs_its_own_right(right):
    with pytest.raises(NotPermitted, match="lacks the permission"):
        actor().permit(right, portfolio=True)
    with pytest.raises(NotPermitted, match="lacks the permission"):
        actor(rights=frozenset(set(Right) - {right})).permit(right, portfolio=True)
    actor(rights=frozenset({right})).permit(right, portfolio=True)
    actor(rights=frozenset({right})).permit(None, portfolio=True)


def test_tokens_are_kept_as_hashes():
    assert token_hash("C66EF7B2-EA00") == hashlib.sha256(b"C66EF7B2-EA00").hexdigest()
    assert token_hash("") != token_hash(" ")
    assert len(token_hash("\ud800")) == 64
    assert same("a" * 64, "a" * 64)
    assert not same("a" * 64, "a" * 63 + "b")
