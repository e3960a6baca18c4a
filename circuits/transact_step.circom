pragma circom 2.2.0;

include "poseidon.circom";
include "balance_change.circom";
include "forced_close.circom";
include "margin.circom";
include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/encrypt_account.circom";
include "gadgets/leaf_hash.circom";
include "gadgets/message_hash.circom";
include "gadgets/non_zero_iff.circom";
include "gadgets/signature_or_secret.circom";
include "gadgets/stack_push.circom";
include "gadgets/tree_update.circom";

// One operation of one account (docs/protocol.md#transact). When active it is just one of twelve, and enforces:
//
//   1 OPEN         the tree holds nothing at the index. The new account has version 0, neutral weights, the deposit alone,
//                  the owner of the key (Ax, Ay), and the view key Poseidon(secret 8A), secret B8 being the sequencer's key
//   2 TOPUP        the account grows by the deposit
//   3 WITHDRAW     the owner signed; the account may end so (Margin)
//   4 TRADE        the owner signed; it may end so, or it is an exception (Margin). Two such steps are a pair: same asset, link
//                  and amounts, opposite directions
//   5 UNWIND       the same with the backstop, whose side is public
//   6 PREFERENCES  the owner signed the new weights; balances stay
//   7 FORCED       like WITHDRAW, signed for its number in the forced queue instead of a version
//   8 DISCHARGE    a request of that queue, signature and expiry as published, is not one that 7 would serve
//   9 BOUNCE       a deposit under which a balance would reach 2^64
//  10 CLOSE        the owner signed, for a number in the forced queue, to trade up to `asked` of an asset with the backstop at
//                  `sell` or `buy` within `limit`: amount and cash are what ForcedClose says, whatever the margin
//  11 REKEY        nothing changes but the view key, which becomes the one that the owner shares with the sequencer, as in
//                  OPEN. Nobody signed it. The owner is named by a point, as the owner of an import is not
//  12 DISCHARGE CLOSE  a request of that queue, signature and expiry as published, is not one that 10 would carry out
//
//  1. amounts, asset and direction are those that the operation may have, and what is traded has a price;
//  2. but for OPEN, the witness opens the leaf that the tree holds at the index;
//  3. the new leaf has the same key, but for REKEY, and index, the next version (below 2^32), weights 1..15, the same but for PREFERENCES,
//     magnitudes below 2^64 and canonical signs. It replaces the old one, is pushed onto the inbox, and its ciphertext is right.
//     Discharges and BOUNCE write nothing;
//  4. what the owner signed names chain, contract, kind, index, the account's version or the queue number, and all terms. What
//     is carried out expires no earlier than `validUntil`. A discharge does not rest on that, else the prover could choose a
//     `validUntil` at which nothing is serveable. What 12 discharges was signed as 10;
//  5. every step but TOPUP and BOUNCE is about the key whose hash the leaf has.
// Old magnitudes are below 2^64 by birth of the leaf. An inactive step publishes and changes nothing; its private inputs need
// only satisfy the checks that hold for any account. What is published of TRADE and PREFERENCES is index, leaf and ciphertext.
// The contract takes what is public of 1, 2, 7 to 10 and 12 from its own queues, and so owns the ranges of recipient, number,
// asked and limit. Only what a close traded is the circuit's: amount and cash, which BalanceChange keeps below 2^64.
template TransactStep(depth) {
    assert(depth <= 16); // an index below 2^32: meta packs it into 32 bits
    signal input op[12];                   // one-hot in the order above, none when inactive
    signal input publicKey[2];             // A; any point where it does not count
    input Identity() identity;             // version 0 for OPEN
    signal input indexBits[2 * depth];     // position in the account tree, low bit first; binary by TreeUpdate
    signal input oldWeights;               // eight nibbles
    signal input weightBits[8][4];         // the new ones, low bit first
    input Balances() balances;
    signal input children[depth][4];       // path of the index, see TreeUpdate
    signal input assetBits[8];             // one-hot; cash where there is none
    signal input direction;                // 1: the balance of the asset grows
    signal input amount;
    signal input cash;                     // what the asset is traded for
    signal input asked;                    // the most that a forced close trades
    signal input limit;                    // its worst mark
    signal input cashHigh;                 // see ForcedClose
    signal input extra;                    // recipient, link, packed new weights, or 0
    signal input queueNumber;
    signal input expiry;
    signal input r8[2];
    signal input s;
    signal input exception;                // see Margin
    signal input blind;                    // see ScalarMulAny
    signal input secret;                   // the sequencer's
    signal input chainId;
    signal input settlement;
    signal input sequencer[2];
    signal input validUntil;
    input TradeMarks() marks[7];
    signal input kappas[7];                // see Concentration
    signal input rootBefore;
    signal input inboxBefore;
    signal input {binary} halfBefore;      // 1 iff the step before is the first half of a trade
    signal input mirrorBefore;             // the terms that the second half must have
    signal input linkBefore;
    signal output {binary} active;
    signal output rootAfter;
    signal output inboxAfter;
    signal output {binary} halfAfter;
    signal output mirrorAfter;
    signal output linkAfter;
    signal output published[10];

    // The operation.
    signal {binary} is[12];
    var ops = 0;
    var number = 0;
    for (var i = 0; i < 12; i++) {
        is[i] <== AssertBit()(op[i]);
        ops += is[i];
        number += (i + 1) * is[i];
    }
    active <== AssertBit()(ops);
    var open = is[0];
    var topUp = is[1];
    var withdraw = is[2];
    var trade = is[3];
    var unwind = is[4];
    var preferences = is[5];
    var forced = is[6];
    var discharge = is[7];
    var bounce = is[8];
    var close = is[9];
    var rekey = is[10];
    var dischargeClose = is[11];
    var exchange = trade + unwind;
    var queued = forced + discharge;
    signal {binary} closing <== close + dischargeClose;
    signal {binary} write <== active - discharge - bounce - dischargeClose;

    // 1.
    signal {binary} assetBit[8];
    var asset = 0;
    for (var a = 0; a < 8; a++) {
        assetBit[a] <== AssertBit()(assetBits[a]);
        asset += a * assetBit[a];
    }
    signal {binary} directionBit <== AssertBit()(direction);
    signal {binary} exceptionBit <== AssertBit()(exception);
    (1 - exchange - closing) * cash === 0;
    (1 - active + preferences + rekey) * amount === 0;
    (exchange + closing) * assetBit[0] === 0;
    (1 - active + preferences + rekey) * (1 - assetBit[0]) === 0;
    (open + topUp + bounce) * (1 - directionBit) === 0;
    (withdraw + queued + preferences + rekey) * directionBit === 0;
    exceptionBit * (1 - exchange) === 0;
    (unwind + closing) * extra === 0;

    // What is traded has a price: all marks of an asset that the deployment does not have are 0, and a position in it of any
    // size would pass every margin but fit no envelope with a bound on it. Where nothing is traded the inverse is 0.
    signal priceOf[7];
    var price = 0;
    for (var a = 0; a < 7; a++) {
        priceOf[a] <== assetBit[a + 1] * marks[a].price;
        price += priceOf[a];
    }
    signal priceInverse <-- price != 0 ? exchange / price : 0;
    price * priceInverse === exchange;
    (1 - exchange) * priceInverse === 0;

    // The pair of halves: mirror is what the other half's terms must be. The ranges of BalanceChange make it injective.
    var common = amount + cash * (1 << 64) + asset * (1 << 128);
    (1 - trade) * halfBefore === 0;
    halfAfter <== trade - halfBefore;
    halfBefore * (common + directionBit * (1 << 132) - mirrorBefore) === 0;
    halfBefore * (extra - linkBefore) === 0;
    mirrorAfter <== common + (1 - directionBit) * (1 << 132);
    linkAfter <== extra;

    // Weights: new nibbles, none zero; the old packing below 2^32, and the same unless they change.
    signal {binary} weightBit[8][4];
    signal {binary} always <== 1;
    var weights = 0;
    for (var a = 0; a < 8; a++) {
        var nibble = 0;
        for (var i = 0; i < 4; i++) {
            weightBit[a][i] <== AssertBit()(weightBits[a][i]);
            nibble += weightBit[a][i] * (1 << i);
        }
        NonZeroIff()(nibble, always);
        weights += nibble * (1 << (4 * a));
    }
    AssertRange(32)(oldWeights);
    (1 - preferences) * (weights - oldWeights) === 0;
    preferences * (extra - weights) === 0;

    // The version below 2^32 - 1 makes meta's packing unique and leaves room for the next one.
    AssertRange(32)(identity.version);
    NonZeroIff()(identity.version - ((1 << 32) - 1), always);

    // A new account: nothing in it, and version 0 before the step as after it.
    var signs = 0;
    for (var a = 0; a < 8; a++) {
        signs += balances.sign[a] * (1 << a);
        open * balances.magnitude[a] === 0;
    }
    open * (oldWeights - 0x88888888 + signs * (1 << 32)) === 0;
    open * identity.version === 0;

    var index = 0;
    for (var i = 0; i < 2 * depth; i++) {
        index += indexBits[i] * (1 << i);
    }

    // 4 and 5: the key, and the signature or, for OPEN and REKEY, the secret shared with the owner.
    signal owner <== Poseidon(2)(publicKey);
    (active - topUp - bounce) * (identity.owner - owner) === 0;
    AssertRange(40)(expiry);
    var signed = withdraw + exchange + preferences + forced + close;
    signal spare <== signed * (expiry - validUntil);
    AssertRange(40)(spare);
    Terms() terms;
    signal signedAmount <== amount + closing * (asked - amount);
    signal signedCash <== cash + closing * (limit - cash);
    terms.kind <== number - discharge - 2 * dischargeClose;
    terms.index <== index;
    terms.nonce <== identity.version + (queued + closing) * (queueNumber - identity.version);
    terms.expiry <== expiry;
    terms.asset <== asset;
    terms.direction <== directionBit;
    terms.amount <== signedAmount;
    terms.cash <== signedCash;
    terms.extra <== extra;
    component curve = SignatureOrSecret();
    signal {binary} shares <== open + rekey;
    curve.opens <== shares;
    curve.secret <== secret;
    curve.publicKey <== publicKey;
    curve.message <== MessageHash()(chainId, settlement, terms);
    curve.r8 <== r8;
    curve.s <== s;
    curve.blind <== AssertBit()(blind);
    shares * (curve.fixed[0] - sequencer[0]) === 0;
    shares * (curve.fixed[1] - sequencer[1]) === 0;
    signal viewKey <== Poseidon(2)(curve.shared);
    open * (identity.viewKey - viewKey) === 0;
    signal newViewKey <== identity.viewKey + rekey * (viewKey - identity.viewKey);

    // 2 and 3: the leaves.
    signal key <== Poseidon(2)([identity.owner, identity.viewKey]);
    var place = identity.version + index * (1 << 32);
    signal leaf <== LeafHash()(key, place + oldWeights * (1 << 64), balances);
    component change = BalanceChange();
    change.before <== balances;
    change.assetBit <== assetBit;
    change.direction <== directionBit;
    change.amount <== amount;
    change.cash <== cash;
    signal newKey <== Poseidon(2)([identity.owner, newViewKey]);
    signal newLeaf <== LeafHash()(newKey, place + weights * (1 << 64) + 1 - open, change.after);
    component tree = TreeUpdate(depth);
    tree.indexBits <== indexBits;
    tree.before <== leaf * (active - open);
    tree.after <== newLeaf;
    tree.children <== children;
    active * (rootBefore - tree.rootBefore) === 0;
    rootAfter <== rootBefore + write * (tree.rootAfter - rootBefore);
    signal pushed <== StackPush()(inboxBefore, newLeaf);
    inboxAfter <== inboxBefore + write * (pushed - inboxBefore);
    signal cipher[3] <== EncryptAccount()(newViewKey, newLeaf, weights, change.after);

    // The verdict.
    component margin = Margin();
    margin.before <== balances;
    margin.after <== change.after;
    margin.marks <== marks;
    margin.assetBit <== assetBit;
    margin.direction <== directionBit;
    margin.amount <== amount;
    margin.cash <== cash;
    margin.shrunk <== change.shrunk;
    margin.exception <== exceptionBit;
    margin.kappa <== kappas;
    component forcedClose = ForcedClose();
    forcedClose.closing <== closing;
    forcedClose.position <== change.chosenBefore;
    forcedClose.sign <== change.signBefore;
    forcedClose.direction <== directionBit;
    forcedClose.asked <== asked;
    forcedClose.limit <== limit;
    forcedClose.amount <== amount;
    forcedClose.cash <== cash;
    forcedClose.cashHigh <== cashHigh;
    forcedClose.mark <== margin.mark;
    forcedClose.worth <== margin.worth;
    signed * (1 - curve.valid) === 0;
    write * (1 - change.fits) === 0;
    (withdraw + exchange + forced) * (1 - margin.small) === 0;
    (withdraw + exchange + forced) * (1 - margin.enough) === 0;
    bounce * change.fits === 0;
    signal passes <== margin.small * margin.enough;
    signal signedFits <== curve.valid * change.fits;
    signal serveable <== passes * signedFits;
    discharge * serveable === 0;
    close * (1 - forcedClose.possible) === 0;
    signal closeable <== signedFits * forcedClose.possible;
    dischargeClose * closeable === 0;

    // What is published; see Transact.
    var account[4] = [newLeaf, cipher[0], cipher[1], cipher[2]];
    var request[4] = [r8[0], r8[1], s, expiry];
    signal written[4];
    signal requested[4];
    published[0] <== number;
    published[1] <== active * index;
    for (var i = 0; i < 4; i++) {
        written[i] <== write * account[i];
        requested[i] <== (discharge + dischargeClose) * request[i];
        published[2 + i] <== written[i] + requested[i];
    }
    signal side <== closing * directionBit;
    signal closed <== close * (amount * (1 << 4) + cash * (1 << 68));
    published[6] <== (1 - trade) * asset + side * (1 << 3) + closed;
    published[7] <== (1 - trade) * signedAmount;
    signal key8 <== open * publicKey[0];
    signal recipient <== (withdraw + queued) * extra;
    signal worst <== closing * limit;
    published[8] <== key8 + recipient + worst + unwind * cash;
    signal key9 <== open * publicKey[1];
    signal place9 <== (queued + closing) * queueNumber;
    published[9] <== key9 + place9 + unwind * directionBit;
}
