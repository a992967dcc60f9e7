"""Coinbases that pay a fresh address for each height, from a descriptor."""

from lib import bitcoin
from lib.case import KarizTest
from lib.hdkeys import PublicKey, wsh_script
from lib.wait import wait_until

ONE, TWO = PublicKey.demo("cashier"), PublicKey.demo("treasurer")
DESCRIPTOR = f"wsh(sortedmulti(1,{ONE.text()}/0/*,{TWO.text()}/7/*))"


def script_at(height):
    return wsh_script(ONE.child(0).child(height), TWO.child(7).child(height))


class Descriptor(KarizTest):
    settings = {"coinbase": {"address": None, "descriptor": DESCRIPTOR}}

    def mine_block(self, rig):
        tip = self.node.tip()
        wait_until(lambda: rig.read(0.02) or rig.job.prev_display() == tip, 15,
                   "the rig's job builds on the tip")
        found = bitcoin.display(rig.mine("block").hash)
        wait_until(lambda: self.node.tip() == found, 10, "the node has the block as tip")
        return found

    def paid_by(self, block_hash):
        return [script for value, script in self.node.block(block_hash).txs[0].outputs
                if value > 0]

    def node_says(self, height):
        """The script by the node's own derivation, where it has one."""
        described = self.node.rpc("getdescriptorinfo", DESCRIPTOR)["descriptor"]
        address = self.node.rpc("deriveaddresses", described, [height, height])[0]
        return bytes.fromhex(self.node.rpc("validateaddress", address)["scriptPubKey"])

    def test_each_block_pays_the_address_of_its_height_and_is_booked(self):
        rig = self.ready_rig()
        height = self.node.height
        blocks = [self.mine_block(rig) for _ in range(2)]
        self.assertEqual(self.node.height, height + 2)
        self.assertNotEqual(script_at(height + 1), script_at(height + 2))
        for i, block in enumerate(blocks, height + 1):
            self.assertEqual(self.paid_by(block), [script_at(i)])
            if self.node.kind == "bitcoind":
                self.assertEqual(script_at(i), self.node_says(i))
        for block in blocks:
            self.karizd.wait_log(f"block_booked .*{block}.* is=\"?accepted", 30)
        self.assertEqual(self.karizd.status()["accounting"]["alarm"], "")
        self.karizd.ctl("ledger", "verify")
