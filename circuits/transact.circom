pragma circom 2.2.0;

include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/blind_head.circom";
include "gadgets/public_vector.circom";
include "transact_step.circom";

// A batch of `steps` operations over an account tree of `depth` levels. It proves: starting from the root in D and the inbox
// head behind the blinded one, `active` steps, each as TransactStep demands at the marks in D, for signatures that do not
// expire before validUntil, lead to the root and the published terms in D and to the head behind the blinded one after. No
// trade is left half done at either end, so balances of the accounts change by what is public and in no other sum.
//
// D = active, rootBefore, rootAfter, inboxBefore, inboxAfter (both as blinded heads), chainId, settlement, sequencer[2],
//     validUntil, marks[7][5] (price, ut, vt, sell, buy), kappas[7], steps[steps][10]: operation, index, and
//       OPEN         leaf, cipher[3], asset, amount, Ax, Ay
//       TOPUP        leaf, cipher[3], asset, amount, 0, 0
//       WITHDRAW     leaf, cipher[3], asset, amount, recipient, 0
//       TRADE        leaf, cipher[3], 0, 0, 0, 0
//       UNWIND       leaf, cipher[3], asset, amount, cash, direction
//       PREFERENCES  leaf, cipher[3], 0, 0, 0, 0
//       FORCED       leaf, cipher[3], asset, amount, recipient, queue number
//       DISCHARGE    R8x, R8y, S, expiry, asset, amount, recipient, queue number
//       BOUNCE       0, 0, 0, 0, asset, amount, 0, 0
//       CLOSE        leaf, cipher[3], asset + 8 direction + 2^4 amount + 2^68 cash, asked, limit, queue number
//       REKEY        leaf, cipher[3], 0, 0, 0, 0
//       DISCHARGE CLOSE  R8x, R8y, S, expiry, asset + 8 direction, asked, limit, queue number
// The contract fills in what was before, chain, settlement, the sequencer's key, the marks and kappas, each below 2^64, and takes
// deposits and forced requests from its queues. Active steps come first.
template Transact(steps, depth) {
    signal input digest; // public signals: see PublicVector
    signal input z;
    signal input y;

    signal input rootBefore;
    signal input inboxBefore;             // the stack's own head, which no public value has
    signal input saltBefore;              // of the blinded head in D; see BlindHead
    signal input saltAfter;
    signal input chainId;
    signal input settlement;
    signal input sequencer[2];
    signal input validUntil;
    signal input marks[7][5];
    signal input kappas[7];
    signal input secret;                  // the sequencer's; counts only where an account is opened or rekeyed

    // Step by step; see TransactStep.
    signal input op[steps][12];
    signal input publicKey[steps][2];
    signal input owner[steps];
    signal input viewKey[steps];
    signal input version[steps];
    signal input indexBits[steps][2 * depth];
    signal input oldWeights[steps];
    signal input weightBits[steps][8][4];
    signal input sign[steps][8];
    signal input magnitude[steps][8];
    signal input children[steps][depth][4];
    signal input assetBits[steps][8];
    signal input direction[steps];
    signal input amount[steps];
    signal input cash[steps];
    signal input asked[steps];
    signal input limit[steps];
    signal input cashHigh[steps];
    signal input extra[steps];
    signal input queueNumber[steps];
    signal input expiry[steps];
    signal input r8[steps][2];
    signal input s[steps];
    signal input exception[steps];
    signal input blind[steps];

    TradeMarks() tradeMarks[7];
    for (var a = 0; a < 7; a++) {
        tradeMarks[a].price <== marks[a][0];
        tradeMarks[a].ut <== marks[a][1];
        tradeMarks[a].vt <== marks[a][2];
        tradeMarks[a].sell <== marks[a][3];
        tradeMarks[a].buy <== marks[a][4];
    }

    Balances() balances[steps];
    Identity() identity[steps];
    signal {binary} none <== 0;
    component step[steps];
    var active = 0;
    for (var i = 0; i < steps; i++) {
        for (var a = 0; a < 8; a++) {
            balances[i].sign[a] <== AssertBit()(sign[i][a]);
            balances[i].magnitude[a] <== magnitude[i][a];
        }
        identity[i].owner <== owner[i];
        identity[i].viewKey <== viewKey[i];
        identity[i].version <== version[i];

        step[i] = TransactStep(depth);
        step[i].op <== op[i];
        step[i].publicKey <== publicKey[i];
        step[i].identity <== identity[i];
        step[i].indexBits <== indexBits[i];
        step[i].oldWeights <== oldWeights[i];
        step[i].weightBits <== weightBits[i];
        step[i].balances <== balances[i];
        step[i].children <== children[i];
        step[i].assetBits <== assetBits[i];
        step[i].direction <== direction[i];
        step[i].amount <== amount[i];
        step[i].cash <== cash[i];
        step[i].asked <== asked[i];
        step[i].limit <== limit[i];
        step[i].cashHigh <== cashHigh[i];
        step[i].extra <== extra[i];
        step[i].queueNumber <== queueNumber[i];
        step[i].expiry <== expiry[i];
        step[i].r8 <== r8[i];
        step[i].s <== s[i];
        step[i].exception <== exception[i];
        step[i].blind <== blind[i];
        step[i].secret <== secret;
        step[i].chainId <== chainId;
        step[i].settlement <== settlement;
        step[i].sequencer <== sequencer;
        step[i].validUntil <== validUntil;
        step[i].marks <== tradeMarks;
        step[i].kappas <== kappas;
        step[i].rootBefore <== i == 0 ? rootBefore : step[i - 1].rootAfter;
        step[i].inboxBefore <== i == 0 ? inboxBefore : step[i - 1].inboxAfter;
        if (i == 0) {
            step[i].halfBefore <== none;
            step[i].mirrorBefore <== 0;
            step[i].linkBefore <== 0;
        } else {
            step[i].halfBefore <== step[i - 1].halfAfter;
            step[i].mirrorBefore <== step[i - 1].mirrorAfter;
            step[i].linkBefore <== step[i - 1].linkAfter;
            step[i].active * (1 - step[i - 1].active) === 0;
        }
        active += step[i].active;
    }
    step[steps - 1].halfAfter === 0;

    var length = 52 + 10 * steps;
    signal vector[length];
    vector[0] <== active;
    vector[1] <== rootBefore;
    vector[2] <== step[steps - 1].rootAfter;
    vector[3] <== BlindHead()(inboxBefore, saltBefore);
    vector[4] <== BlindHead()(step[steps - 1].inboxAfter, saltAfter);
    vector[5] <== chainId;
    vector[6] <== settlement;
    vector[7] <== sequencer[0];
    vector[8] <== sequencer[1];
    vector[9] <== validUntil;
    for (var a = 0; a < 7; a++) {
        for (var i = 0; i < 5; i++) {
            vector[10 + 5 * a + i] <== marks[a][i];
        }
        vector[45 + a] <== kappas[a];
    }
    for (var i = 0; i < steps; i++) {
        for (var k = 0; k < 10; k++) {
            vector[52 + 10 * i + k] <== step[i].published[k];
        }
    }
    PublicVector(length)(vector, digest, z, y);
}
