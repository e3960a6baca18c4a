pragma circom 2.2.0;

// A prototype that `npm run bench:nodes -- --compile` counts the constraints of; no deployment has it. A sweep over stacks that are
// chains of nodes of k leaves. First nodes are taken off, then nodes are put on: on free slots (0 and 1) without opening their leaves, on
// any other with leaves that are opened and safe in its envelope. The leaves taken off are those put on: the products of (z - leaf)
// agree, z being the public vector's challenge. It follows from the digest, the digest fixes the heads before and after, and a head fixes all
// leaves under it, so that neither list can be chosen once z is known. A list in the product that no head fixes would break this.

include "poseidon.circom";
include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/blind_head.circom";
include "gadgets/leaf_hash.circom";
include "gadgets/public_vector.circom";
include "gadgets/weighted_sum.circom";

// head = Poseidon(below, leaf_1 .. leaf_k), a place without a leaf being 0.
template Node(k) {
    signal input below;
    signal input leaf[k];
    signal output head;
    component hash = Poseidon(k + 1);
    hash.inputs[0] <== below;
    for (var i = 0; i < k; i++) { hash.inputs[i + 1] <== leaf[i]; }
    head <== hash.out;
}

// Takes the top node off the source, or does nothing; then its leaves are 0.
template PopNode(k, window) {
    signal input from[window];
    signal input below;
    signal input leaf[k];
    signal input heads[window];
    signal output headsAfter[window];
    var active = 0;
    for (var w = 0; w < window; w++) {
        from[w] * (from[w] - 1) === 0;
        active += from[w];
    }
    active * (active - 1) === 0;
    signal head <== Node(k)(below, leaf);
    signal pop[window];
    for (var w = 0; w < window; w++) {
        from[w] * (heads[w] - head) === 0;
        pop[w] <== from[w] * (below - heads[w]);
        headsAfter[w] <== heads[w] + pop[w];
    }
    for (var i = 0; i < k; i++) { leaf[i] * (1 - active) === 0; }
}

// Puts a node on a free slot, or does nothing; then its leaves are 0.
template FreeNode(k, window) {
    signal input to[window];
    signal input leaf[k];
    signal input heads[window];
    signal input {binary} free[window];
    signal output headsAfter[window];
    var active = 0;
    for (var w = 0; w < window; w++) {
        to[w] * (to[w] - 1) === 0;
        to[w] * (1 - free[w]) === 0;
        active += to[w];
    }
    active * (active - 1) === 0;
    for (var i = 0; i < k; i++) { leaf[i] * (1 - active) === 0; }
    var target = 0;
    signal targetHead[window];
    for (var w = 0; w < window; w++) {
        targetHead[w] <== to[w] * heads[w];
        target += targetHead[w];
    }
    signal above <== Node(k)(target, leaf);
    signal pushed[window];
    for (var w = 0; w < window; w++) {
        pushed[w] <== to[w] * (above - heads[w]);
        headsAfter[w] <== heads[w] + pushed[w];
    }
}

// Puts a node of opened leaves on the target, each safe in its envelope where it has one; places not used are 0.
template PushNode(k, window) {
    signal input to[window];
    signal input used[k];
    signal input key[k];
    signal input meta[k];
    input Balances() balances[k];
    signal input heads[window];
    signal input {binary} free[window];
    signal input floors[window][7];
    signal input ceilings[window][7];
    signal output leaf[k];
    signal output headsAfter[window];
    var active = 0;
    for (var w = 0; w < window; w++) {
        to[w] * (to[w] - 1) === 0;
        active += to[w];
    }
    active * (active - 1) === 0;
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
        var f = 0;
        var c = 0;
        for (var w = 0; w < window; w++) {
            floorTerm[w][a] <== to[w] * floors[w][a];
            ceilingTerm[w][a] <== to[w] * ceilings[w][a];
            f += floorTerm[w][a];
            c += ceilingTerm[w][a];
        }
        floor[a] <== f;
        ceiling[a] <== c;
    }
    component corner[k];
    signal opened[k];
    signal cash[k];
    signal gated[k];
    signal checked[k];
    for (var i = 0; i < k; i++) {
        used[i] * (active - used[i]) === 0;
        opened[i] <== LeafHash()(key[i], meta[i], balances[i]);
        leaf[i] <== used[i] * opened[i];
        corner[i] = WeightedSum();
        corner[i].balances <== balances[i];
        corner[i].positive <== floor;
        corner[i].negative <== ceiling;
        cash[i] <== balances[i].magnitude[0] * (1 - 2 * balances[i].sign[0]);
        checked[i] <== gate * used[i];
        gated[i] <== checked[i] * (corner[i].out + cash[i] * (1 << 32));
        AssertRange(132)(gated[i]);
    }
    var target = 0;
    signal targetHead[window];
    for (var w = 0; w < window; w++) {
        targetHead[w] <== to[w] * heads[w];
        target += targetHead[w];
    }
    signal above <== Node(k)(target, leaf);
    signal pushed[window];
    for (var w = 0; w < window; w++) {
        pushed[w] <== to[w] * (above - heads[w]);
        headsAfter[w] <== heads[w] + pushed[w];
    }
}

// D is that of a sweep (circuits/sweep.circom).
template NodeSweep(pops, frees, pushes, k, window) {
    signal input digest;
    signal input z;
    signal input y;
    signal input headsBefore[window];
    signal input saltsBefore[window];
    signal input saltsAfter[window];
    signal input free[window];
    signal input floors[window][7];
    signal input ceilings[window][7];
    signal input from[pops][window];
    signal input below[pops];
    signal input popped[pops][k];
    signal input freeTo[frees][window];
    signal input freeLeaf[frees][k];
    signal input to[pushes][window];
    signal input used[pushes][k];
    signal input key[pushes][k];
    signal input meta[pushes][k];
    signal input sign[pushes][k][8];
    signal input magnitude[pushes][k][8];

    signal {binary} freeBit[window];
    for (var w = 0; w < window; w++) { freeBit[w] <== AssertBit()(free[w]); }
    component pop[pops];
    component freeNode[frees];
    component push[pushes];
    Balances() balances[pushes][k];
    for (var p = 0; p < pops; p++) {
        pop[p] = PopNode(k, window);
        pop[p].from <== from[p];
        pop[p].below <== below[p];
        pop[p].leaf <== popped[p];
        for (var w = 0; w < window; w++) { pop[p].heads[w] <== p == 0 ? headsBefore[w] : pop[p - 1].headsAfter[w]; }
    }
    for (var q = 0; q < frees; q++) {
        freeNode[q] = FreeNode(k, window);
        freeNode[q].to <== freeTo[q];
        freeNode[q].leaf <== freeLeaf[q];
        freeNode[q].free <== freeBit;
        for (var w = 0; w < window; w++) { freeNode[q].heads[w] <== q == 0 ? pop[pops - 1].headsAfter[w] : freeNode[q - 1].headsAfter[w]; }
    }
    for (var q = 0; q < pushes; q++) {
        push[q] = PushNode(k, window);
        push[q].to <== to[q];
        push[q].used <== used[q];
        push[q].key <== key[q];
        push[q].meta <== meta[q];
        for (var i = 0; i < k; i++) {
            for (var a = 0; a < 8; a++) {
                balances[q][i].sign[a] <== AssertBit()(sign[q][i][a]);
                balances[q][i].magnitude[a] <== magnitude[q][i][a];
            }
        }
        push[q].balances <== balances[q];
        push[q].free <== freeBit;
        push[q].floors <== floors;
        push[q].ceilings <== ceilings;
        for (var w = 0; w < window; w++) {
            if (q > 0) { push[q].heads[w] <== push[q - 1].headsAfter[w]; }
            else if (frees > 0) { push[q].heads[w] <== freeNode[frees - 1].headsAfter[w]; }
            else { push[q].heads[w] <== pop[pops - 1].headsAfter[w]; }
        }
    }
    signal off[pops * k + 1];
    var places = (frees + pushes) * k;
    signal on[places + 1];
    off[0] <== 1;
    on[0] <== 1;
    for (var i = 0; i < pops * k; i++) { off[i + 1] <== off[i] * (z - popped[i \ k][i % k]); }
    for (var i = 0; i < places; i++) {
        if (i < frees * k) { on[i + 1] <== on[i] * (z - freeLeaf[i \ k][i % k]); }
        else { on[i + 1] <== on[i] * (z - push[i \ k - frees].leaf[i % k]); }
    }
    // Places without a leaf: the shorter side times a power of z.
    var more = pops * k - places;
    var missing = more > 0 ? more : -more;
    signal power[missing + 1];
    power[0] <== more > 0 ? on[places] : off[pops * k];
    for (var i = 0; i < missing; i++) { power[i + 1] <== power[i] * z; }
    power[missing] === (more > 0 ? off[pops * k] : on[places]);

    var length = 17 * window;
    signal vector[length];
    for (var w = 0; w < window; w++) {
        vector[w] <== BlindHead()(headsBefore[w], saltsBefore[w]);
        vector[window + w] <== BlindHead()(push[pushes - 1].headsAfter[w], saltsAfter[w]);
        vector[2 * window + w] <== freeBit[w];
        for (var a = 0; a < 7; a++) {
            vector[3 * window + 7 * w + a] <== floors[w][a];
            vector[10 * window + 7 * w + a] <== ceilings[w][a];
        }
    }
    PublicVector(length)(vector, digest, z, y);
}
