pragma circom 2.2.0;

include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/leaf_hash.circom";
include "gadgets/stack_push.circom";
include "gadgets/weighted_sum.circom";

// One move of one leaf between two stacks of the window (docs/protocol.md#sweep). It enforces, when active:
//  1. exactly one source and exactly one target, and they differ;
//  2. the leaf is the top of the source: the source's head is Poseidon(below, leaf);
//  3. unless the target is free (slot 0 or 1), the account behind the leaf is safe in the target's envelope:
//     its health at the envelope's worst corner is not negative;
//  4. the source's head becomes `below`, the target's head Poseidon(head, leaf), every other head stays.
// So a step loses, invents and duplicates no leaf. An inactive step has no source and no target and changes nothing; its
// other inputs are unconstrained.
// Magnitudes need no range check here: a leaf is born only in circuits that check them.
template SweepStep(window) {
    signal input {binary} active;
    signal input from[window];            // one-hot, all zero when inactive
    signal input to[window];              // one-hot, all zero when inactive
    signal input below;                   // head of the source once the leaf is popped
    signal input key;                     // opening of the leaf
    signal input meta;
    input Balances() balances;
    signal input heads[window];           // heads before the step
    signal input {binary} free[window];   // 1 for slots without an envelope
    signal input floors[window][7];
    signal input ceilings[window][7];
    signal output headsAfter[window];

    // 1. One source, one other target.
    var sources = 0;
    var targets = 0;
    for (var w = 0; w < window; w++) {
        from[w] * (from[w] - 1) === 0;
        to[w] * (to[w] - 1) === 0;
        from[w] * to[w] === 0;
        sources += from[w];
        targets += to[w];
    }
    sources === active;
    targets === active;

    // 2. The leaf is the source's top.
    signal leaf <== LeafHash()(key, meta, balances);
    signal popped <== StackPush()(below, leaf);
    for (var w = 0; w < window; w++) {
        from[w] * (heads[w] - popped) === 0;
    }

    // 3. Safe at the worst corner of the target's envelope.
    signal enveloped[window];
    signal floorTerm[window][7];
    signal ceilingTerm[window][7];
    signal floor[7];
    signal ceiling[7];
    var gate = 0;
    for (var w = 0; w < window; w++) {
        enveloped[w] <== to[w] * (1 - free[w]);
        gate += enveloped[w];
    }
    for (var a = 0; a < 7; a++) {
        var floorSum = 0;
        var ceilingSum = 0;
        for (var w = 0; w < window; w++) {
            floorTerm[w][a] <== to[w] * floors[w][a];
            ceilingTerm[w][a] <== to[w] * ceilings[w][a];
            floorSum += floorTerm[w][a];
            ceilingSum += ceilingTerm[w][a];
        }
        floor[a] <== floorSum;
        ceiling[a] <== ceilingSum;
    }
    component corner = WeightedSum();
    corner.balances <== balances;
    corner.positive <== floor;
    corner.negative <== ceiling;
    signal cash <== balances.magnitude[0] * (1 - 2 * balances.sign[0]);
    signal gated <== gate * (corner.out + cash * (1 << 32));
    AssertRange(132)(gated); // 7 products below 2^128 and one of cash stay below 2^131

    // 4. The heads.
    signal pop[window];
    signal pushed[window];
    var target = 0;
    signal targetHead[window];
    for (var w = 0; w < window; w++) {
        targetHead[w] <== to[w] * heads[w];
        target += targetHead[w];
    }
    signal above <== StackPush()(target, leaf);
    for (var w = 0; w < window; w++) {
        pop[w] <== from[w] * (below - heads[w]);
        pushed[w] <== to[w] * (above - heads[w]);
        headsAfter[w] <== heads[w] + pop[w] + pushed[w];
    }
}
