pragma circom 2.2.0;

include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/blind_head.circom";
include "gadgets/public_vector.circom";
include "resolve_step.circom";

// A batch of `steps` leaves taken out of distress, over an account tree of `depth` levels. It proves: starting from the
// root in D and the heads behind the two blinded ones, `active` steps, each as ResolveStep demands at the marks in D, lead
// to the root, backstop changes, bad debt and writes in D and to the heads behind the two blinded ones after.
//
// D = active, rootBefore, rootAfter, distressBefore, distressAfter, inboxBefore, inboxAfter, minLiability, marks[7][9],
//     backstopDelta[8], badDebt, writes[steps][5] (index, leaf, cipher[3]); distress and inbox as blinded heads.
// The contract fills in what was before, minLiability and the marks from its storage, each mark below 2^64 and ordered as
// docs/protocol.md#marks demands. Active steps come first.
template Resolve(steps, depth) {
    signal input digest; // public signals: see PublicVector
    signal input z;
    signal input y;

    signal input rootBefore;
    signal input distressBefore;          // the stacks' own heads, which no public value has
    signal input inboxBefore;
    signal input saltsBefore[2];          // of the blinded heads in D, distress and inbox; see BlindHead
    signal input saltsAfter[2];
    signal input minLiability;
    signal input marks[7][9];

    // Step by step; see ResolveStep.
    signal input active[steps];
    signal input liquidate[steps];
    signal input refresh[steps];
    signal input drop[steps];
    signal input insufficient[steps];
    signal input multiplier[steps];
    signal input owner[steps];
    signal input viewKey[steps];
    signal input version[steps];
    signal input indexBits[steps][2 * depth];
    signal input weightBits[steps][8][4];
    signal input sign[steps][8];
    signal input magnitude[steps][8];
    signal input below[steps];
    signal input current[steps];
    signal input children[steps][depth][4];

    AssetMarks() assetMarks[7];
    for (var a = 0; a < 7; a++) {
        assetMarks[a].price <== marks[a][0];
        assetMarks[a].u <== marks[a][1];
        assetMarks[a].v <== marks[a][2];
        assetMarks[a].ut <== marks[a][3];
        assetMarks[a].vt <== marks[a][4];
        assetMarks[a].sell <== marks[a][5];
        assetMarks[a].buy <== marks[a][6];
        assetMarks[a].kSell <== marks[a][7];
        assetMarks[a].kBuy <== marks[a][8];
    }

    signal {binary} activeBit[steps];
    Balances() balances[steps];
    Identity() identity[steps];
    component step[steps];
    var resolved = 0;
    var badDebt = 0;
    var backstopDelta[8];
    for (var a = 0; a < 8; a++) {
        backstopDelta[a] = 0;
    }
    for (var s = 0; s < steps; s++) {
        activeBit[s] <== AssertBit()(active[s]);
        if (s > 0) {
            activeBit[s] * (1 - activeBit[s - 1]) === 0;
        }
        resolved += activeBit[s];
        for (var a = 0; a < 8; a++) {
            balances[s].sign[a] <== AssertBit()(sign[s][a]);
            balances[s].magnitude[a] <== magnitude[s][a];
        }
        identity[s].owner <== owner[s];
        identity[s].viewKey <== viewKey[s];
        identity[s].version <== version[s];

        step[s] = ResolveStep(depth);
        step[s].active <== activeBit[s];
        step[s].liquidate <== liquidate[s];
        step[s].refresh <== refresh[s];
        step[s].drop <== drop[s];
        step[s].insufficient <== insufficient[s];
        step[s].multiplier <== multiplier[s];
        step[s].identity <== identity[s];
        step[s].indexBits <== indexBits[s];
        step[s].weightBits <== weightBits[s];
        step[s].balances <== balances[s];
        step[s].below <== below[s];
        step[s].current <== current[s];
        step[s].children <== children[s];
        step[s].marks <== assetMarks;
        step[s].minLiability <== minLiability;
        step[s].rootBefore <== s == 0 ? rootBefore : step[s - 1].rootAfter;
        step[s].distressBefore <== s == 0 ? distressBefore : step[s - 1].distressAfter;
        step[s].inboxBefore <== s == 0 ? inboxBefore : step[s - 1].inboxAfter;
        badDebt += step[s].badDebt;
        for (var a = 0; a < 8; a++) {
            backstopDelta[a] += step[s].backstopDelta[a];
        }
    }

    var length = 80 + 5 * steps;
    signal vector[length];
    vector[0] <== resolved;
    vector[1] <== rootBefore;
    vector[2] <== step[steps - 1].rootAfter;
    vector[3] <== BlindHead()(distressBefore, saltsBefore[0]);
    vector[4] <== BlindHead()(step[steps - 1].distressAfter, saltsAfter[0]);
    vector[5] <== BlindHead()(inboxBefore, saltsBefore[1]);
    vector[6] <== BlindHead()(step[steps - 1].inboxAfter, saltsAfter[1]);
    vector[7] <== minLiability;
    for (var a = 0; a < 7; a++) {
        for (var i = 0; i < 9; i++) {
            vector[8 + 9 * a + i] <== marks[a][i];
        }
    }
    for (var a = 0; a < 8; a++) {
        vector[71 + a] <== backstopDelta[a];
    }
    vector[79] <== badDebt;
    for (var s = 0; s < steps; s++) {
        vector[80 + 5 * s] <== step[s].writeIndex;
        vector[81 + 5 * s] <== step[s].writeLeaf;
        for (var i = 0; i < 3; i++) {
            vector[82 + 5 * s + i] <== step[s].writeCipher[i];
        }
    }
    PublicVector(length)(vector, digest, z, y);
}
