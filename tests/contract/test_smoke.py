from tests.harness import RunningDesk


async def test_a_printed_page_goes_round(desk: RunningDesk) -> None:
    async with desk.socket("?cursor=") as socket:
        first = await socket.recv()
        added = await desk.call(
            "commands/addPrinter",
            PrinterId="d117866d-78de-4459-9077-42d7ea0120e3",
            CopyCount=1,
            Data="JVBERi0xLjcKJSVFT0YK",
        )
        assert added.status_code == 200, added.text
        command_id = added.json()["CommandId"]
        message = await socket.recv()
        assert command_id in str(message)
        assert "Events" in str(first)
    found = await desk.call("commands/getAllByIds", CommandIds=[command_id])
    assert found.json()["Commands"][0]["Data"]["FileData"] == "JVBERi0xLjcKJSVFT0YK"
    for state in ("Received", "Processing", "Processed"):
        assert (await desk.call("commands/update", CommandId=command_id, State=state)).json() == {}
