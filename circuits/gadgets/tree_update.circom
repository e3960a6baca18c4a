pragma circom 2.2.0;

include "poseidon.circom";
include "assert_bit.circom";

// Replaces the leaf at `index` of a 4-ary Poseidon tree: `rootBefore` is the root of the tree that holds `before` there,
// `rootAfter` that of the same tree with `after` instead. Both paths share the prover's siblings, so nothing else moves.
// The index is given as bits, proven binary here, two to a level: 0 <= index < 4^depth.
template TreeUpdate(depth) {
    signal input before;
    signal input after;
    signal input indexBits[2 * depth];       // of the index, low bit first
    signal input children[depth][4];         // the four children on each level of the old path, leaves first
    signal output rootBefore;
    signal output rootAfter;

    signal {binary} bit[2 * depth];
    signal both[depth];
    signal chosen[depth][4];
    signal replaced[depth][4];
    signal oldNode[depth + 1];
    signal newNode[depth + 1];
    oldNode[0] <== before;
    newNode[0] <== after;

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

        // The child at the digit is the node from below; the new path differs from the old in that child only.
        var chosenSum = 0;
        for (var i = 0; i < 4; i++) {
            chosen[level][i] <== at[i] * children[level][i];
            chosenSum += chosen[level][i];
            replaced[level][i] <== children[level][i] + at[i] * (newNode[level] - oldNode[level]);
        }
        chosenSum === oldNode[level];
        oldNode[level + 1] <== Poseidon(4)(children[level]);
        newNode[level + 1] <== Poseidon(4)(replaced[level]);
    }
    rootBefore <== oldNode[depth];
    rootAfter <== newNode[depth];
}
