pragma circom 2.2.0;

include "poseidon.circom";
include "../types.circom";

// leaf = Poseidon(key, meta, signs, m_0 .. m_7), the signs packed with asset 0 lowest.
template LeafHash() {
    signal input key;
    signal input meta;
    input Balances() balances;
    signal output leaf;

    var signs = 0;
    component hash = Poseidon(11);
    hash.inputs[0] <== key;
    hash.inputs[1] <== meta;
    for (var a = 0; a < 8; a++) {
        signs += balances.sign[a] * (1 << a);
        hash.inputs[3 + a] <== balances.magnitude[a];
    }
    hash.inputs[2] <== signs;
    leaf <== hash.out;
}
