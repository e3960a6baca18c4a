pragma circom 2.2.0;

include "poseidon.circom";
include "assert_bit.circom";

// root = that of the 4-ary Poseidon tree which holds `leaf` at the index given by `indexBits`, proven binary here, two to a
// level: 0 <= index < 4^depth.
template TreeMember(depth) {
    signal input leaf;
    signal input indexBits[2 * depth];       // of the index, low bit first
    signal input children[depth][4];         // the four children on each level of the path, leaves first
    signal output root;

    signal {binary} bit[2 * depth];
    signal both[depth];
    signal chosen[depth][4];
    signal node[depth + 1];
    node[0] <== leaf;
    for (var level = 0; level < depth; level++) {
        bit[2 * level] <== AssertBit()(indexBits[2 * level]);
        bit[2 * level + 1] <== AssertBit()(indexBits[2 * level + 1]);
        both[level] <== bit[2 * level] * bit[2 * level + 1];
        var at[4] = [
            1 - bit[2 * level] - bit[2 * level + 1] + both[level],
            bit[2 * level] - both[level],
            bit[2 * level + 1] - both[level],
            both[level]
        ];
        var chosenSum = 0;
        for (var i = 0; i < 4; i++) {
            chosen[level][i] <== at[i] * children[level][i];
            chosenSum += chosen[level][i];
        }
        chosenSum === node[level];
        node[level + 1] <== Poseidon(4)(children[level]);
    }
    root <== node[depth];
}
