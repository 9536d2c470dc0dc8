"""Bills as printed: the older shape in command data (contract 8.10), the newer in fiscal machine commands (8.11)."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from nightporter.domain.account import AccountType
from nightporter.domain.bill import BillState
from nightporter.wire.scalars import SentId, SentUtc
from nightporter.wire.shapes import Shape

AccountDiscriminator = Literal["BillCustomerData", "BillCompanyData"]
Items = Annotated[list[dict[str, Any]], Meta(description="Items as the property system wrote them at closing.")]


class BillOptions(Shape):
    """What to display (contract 8.12)."""

    display_customer: bool
    display_taxation: bool
    track_receivable: bool
    display_cid: bool
    rebated: bool


class BillAddress(Shape):
    """Six fields (V56)."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    postal_code: str | None = None
    subdivision_code: str | None = None
    country_code: str | None = None


class BillCustomerData(Shape, kw_only=True):
    """A customer as of closing (contract 8.12)."""

    id: SentId
    address: BillAddress | None = None
    legal_identifiers: dict[str, str] | None = None
    billing_code: str | None = None
    last_name: str
    first_name: str | None = None
    second_last_name: str | None = None
    title_prefix: Literal["Mister", "Miss", "Misses"] | None = None
    tax_identifier: str | None = None


class BillCompanyData(Shape, kw_only=True):
    """A company as of closing (contract 8.12)."""

    id: SentId | None = None
    address: BillAddress | None = None
    legal_identifiers: dict[str, str] | None = None
    billing_code: str | None = None
    name: str
    fiscal_identifier: str | None = None
    additional_tax_identifier: str | None = None
    duns: str | None = field(default=None, name="DUNS")
    telephone: str | None = None
    tax_identifier: str | None = None
    invoicing_email: str | None = None
    department: str | None = None


class BillOwnerData(Shape):
    """Coproduct A (contract 8.12)."""

    discriminator: AccountDiscriminator
    value: dict[str, Any]


class AssociatedAccountData(Shape):
    """Coproduct B (contract 8.12)."""

    discriminator: AccountDiscriminator
    bill_customer_data: BillCustomerData | None = None
    bill_company_data: BillCompanyData | None = None


class BillEnterpriseData(Shape):
    """The issuer as of closing (contract 8.12)."""

    additional_tax_identifier: str | None = None
    company_name: str | None = None
    bank_account: str | None = None
    bank_name: str | None = None
    iban: str | None = None
    bic: str | None = None


class _Bill(Shape, kw_only=True):
    id: SentId
    name: str | None = None
    enterprise_id: SentId
    account_id: SentId
    account_type: AccountType
    associated_account_ids: list[SentId] | None = None
    counter_id: SentId | None = None
    state: BillState
    type: Literal["Receipt", "Invoice"] = "Receipt"
    number: str | None = None
    variable_symbol: str | None = None
    created_utc: SentUtc
    updated_utc: SentUtc
    issued_utc: SentUtc | None = None
    taxed_utc: SentUtc | None = None
    paid_utc: SentUtc | None = None
    due_utc: SentUtc | None = None
    last_reminder_date_utc: SentUtc | None = None
    purchase_order_number: str | None = None
    notes: str | None = None
    options: BillOptions | None = None
    enterprise_data: BillEnterpriseData | None = None
    correction_state: Literal["Bill", "CorrectiveBill"] = "Bill"
    correction_type: (
        Literal["Cancellation", "Edit", "CreditNote", "Reinstatement", "ReceivablePaymentsBalance"] | None
    ) = None
    corrected_bill_id: SentId | None = None


class OlderBill(_Bill, kw_only=True):
    """Contract 8.10, the shape in which bills are kept."""

    owner_data: BillOwnerData | None = None
    associated_account_data: list[AssociatedAccountData] | None = None
    customer_id: SentId | None = None
    company_id: SentId | None = None
    revenue: Items = []
    payments: Items = []
    order_items: Items = []
    payment_items: Items = []
    assignee_data: BillOwnerData | None = None
    company_details: BillCompanyData | None = None


class NewerBill(_Bill, kw_only=True):
    """Contract 8.11."""

    owner: AssociatedAccountData | None = None
    associated_accounts_data: list[AssociatedAccountData] | None = None

    @classmethod
    def of(cls, bill: OlderBill) -> "NewerBill":
        """The same bill in the newer shape: the owner changes from coproduct A to B (V24)."""
        shared = {name: getattr(bill, name) for name in _Bill.__struct_fields__}
        return cls(
            **shared, owner=_as_associated(bill.owner_data), associated_accounts_data=bill.associated_account_data
        )


def _as_associated(owner: BillOwnerData | None) -> AssociatedAccountData | None:
    if owner is None:
        return None
    if owner.discriminator == "BillCustomerData":
        return AssociatedAccountData(owner.discriminator, msgspec.convert(owner.value, BillCustomerData), None)
    return AssociatedAccountData(owner.discriminator, None, msgspec.convert(owner.value, BillCompanyData))
