pragma circom 2.2.0;

include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/blind_head.circom";
include "gadgets/public_vector.circom";
include "sweep_step.circom";

// A batch of at most `steps` moves between the stacks of `window` slots. It proves: starting from the heads behind the
// blinded ones in D, some moves, each as SweepStep demands, lead to the heads behind the blinded ones after. No marks: a
// sweep can be proven ahead of the price. How many moves there are is in no public value.
//
// D = blinded heads before[window], blinded heads after[window], free[window], floors[window][7], ceilings[window][7].
// The contract fills in blinded heads before, free flags and bounds from its storage, for distinct real slots, with every
// bound below 2^64 and free exactly for slots 0 and 1. Active steps come first.
template Sweep(steps, window) {
    signal input digest; // public signals: see PublicVector
    signal input z;
    signal input y;

    signal input headsBefore[window];     // the stacks' own, which no public value has
    signal input saltsBefore[window];     // of the blinded heads in D; see BlindHead
    signal input saltsAfter[window];
    signal input free[window];
    signal input floors[window][7];
    signal input ceilings[window][7];

    // Step by step; see SweepStep.
    signal input active[steps];
    signal input from[steps][window];
    signal input to[steps][window];
    signal input below[steps];
    signal input key[steps];
    signal input meta[steps];
    signal input sign[steps][8];
    signal input magnitude[steps][8];

    signal {binary} freeBit[window];
    for (var w = 0; w < window; w++) {
        freeBit[w] <== AssertBit()(free[w]);
    }

    signal {binary} activeBit[steps];
    Balances() balances[steps];
    component step[steps];
    for (var s = 0; s < steps; s++) {
        activeBit[s] <== AssertBit()(active[s]);
        if (s > 0) {
            activeBit[s] * (1 - activeBit[s - 1]) === 0;
        }
        for (var a = 0; a < 8; a++) {
            balances[s].sign[a] <== AssertBit()(sign[s][a]);
            balances[s].magnitude[a] <== magnitude[s][a];
        }
        step[s] = SweepStep(window);
        step[s].active <== activeBit[s];
        step[s].from <== from[s];
        step[s].to <== to[s];
        step[s].below <== below[s];
        step[s].key <== key[s];
        step[s].meta <== meta[s];
        step[s].balances <== balances[s];
        step[s].free <== freeBit;
        step[s].floors <== floors;
        step[s].ceilings <== ceilings;
        for (var w = 0; w < window; w++) {
            step[s].heads[w] <== s == 0 ? headsBefore[w] : step[s - 1].headsAfter[w];
        }
    }

    var length = 17 * window;
    signal vector[length];
    for (var w = 0; w < window; w++) {
        vector[w] <== BlindHead()(headsBefore[w], saltsBefore[w]);
        vector[window + w] <== BlindHead()(step[steps - 1].headsAfter[w], saltsAfter[w]);
        vector[2 * window + w] <== freeBit[w];
        for (var a = 0; a < 7; a++) {
            vector[3 * window + 7 * w + a] <== floors[w][a];
            vector[10 * window + 7 * w + a] <== ceilings[w][a];
        }
    }
    PublicVector(length)(vector, digest, z, y);
}
