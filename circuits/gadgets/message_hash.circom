pragma circom 2.2.0;

include "poseidon.circom";
include "../types.circom";

// M = Poseidon(domain, chain id, contract, head, amount + cash 2^64, extra), what an owner signs; domain "plimsoll.v1".
// The head packs kind (8 bits), index (32), nonce (64), expiry (40), asset (4) and direction (1). The caller keeps these, and
// both amounts at 64 bits, within their ranges: then M is that of one message only.
template MessageHash() {
    signal input chainId;
    signal input settlement;
    input Terms() terms;
    signal output out;

    signal head <== terms.kind + terms.index * (1 << 8) + terms.nonce * (1 << 40) + terms.expiry * (1 << 104)
        + terms.asset * (1 << 144) + terms.direction * (1 << 148);
    out <== Poseidon(6)([0x706c696d736f6c6c2e7631, chainId, settlement, head, terms.amount + terms.cash * (1 << 64), terms.extra]);
}
