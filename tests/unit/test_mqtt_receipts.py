"""In which order what came is acknowledged."""

from gateway.mqtt.receipts import Receipts


def test_what_is_done_with_waits_for_what_came_before_it() -> None:
    """The order in which it came is the order in which it is acknowledged."""
    receipts = Receipts()
    first, second, third = [receipts.arrive(packet_id) for packet_id in (7, 3, 9)]
    assert receipts.settle([third, second, None]) == []
    assert (receipts.oldest, len(receipts)) == (first, 3)
    assert receipts.settle([first]) == [7, 3, 9]
    assert (receipts.oldest, len(receipts)) == (None, 0)


def test_ids_of_an_earlier_connection_are_others() -> None:
    """The broker counts anew, and sends again what it did not hear of."""
    receipts = Receipts()
    old = receipts.arrive(1)
    receipts.renew()
    new = receipts.arrive(1)
    assert receipts.settle([old]) == []
    assert receipts.settle([new]) == [1]
