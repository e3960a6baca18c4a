pragma circom 2.2.0;

include "types.circom";
include "gadgets/assert_range.circom";
include "gadgets/sign_magnitude.circom";

// What an operation does to eight balances: of one asset the account gets (direction 1) or gives (0) `amount`, and gives or
// gets `cash` for it. Enforced in every step:
//  1. just one asset is chosen, and both amounts are below 2^64;
//  2. the new balances are the old with these two changes, exactly, and the changed ones have canonical signs. Where the
//     asset is cash itself, both changes are of the same balance, and the caller keeps `cash` at 0;
//  3. fits = 1 iff the changed magnitudes are below 2^64.
// Old magnitudes are below 2^64, for a leaf is born in circuits that see to it: so the new ones are below 2^65. Where no leaf
// ties down the old ones nothing comes of the new.
template BalanceChange() {
    input Balances() before;
    signal input {binary} assetBit[8];
    signal input {binary} direction;
    signal input amount;
    signal input cash;
    output Balances() after;
    signal output {binary} fits;
    signal output chosenBefore;           // magnitude of the chosen balance before
    signal output shrunk;                 // the same less its magnitude after
    signal output signBefore;

    // 1.
    var chosen = 0;
    for (var a = 0; a < 8; a++) {
        chosen += assetBit[a];
    }
    chosen === 1;
    AssertRange(64)(amount);
    AssertRange(64)(cash);

    // 2.
    signal chosenMagnitude[8];
    signal chosenSign[8];
    var magnitude = 0;
    var sign = 0;
    for (var a = 0; a < 8; a++) {
        chosenMagnitude[a] <== assetBit[a] * before.magnitude[a];
        chosenSign[a] <== assetBit[a] * before.sign[a];
        magnitude += chosenMagnitude[a];
        sign += chosenSign[a];
    }
    signal oldAsset <== (1 - 2 * sign) * magnitude;
    signal oldCash <== (1 - 2 * before.sign[0]) * before.magnitude[0];
    signal got <== (2 * direction - 1) * amount;
    signal gave <== (2 * direction - 1) * cash;
    signal cashGot <== assetBit[0] * got;
    component newAsset = SignMagnitude();
    newAsset.in <== oldAsset + got;
    component newCash = SignMagnitude();
    newCash.in <== oldCash - gave + cashGot;
    after.sign[0] <== newCash.sign;
    after.magnitude[0] <== newCash.magnitude;
    signal newMagnitude[7];
    signal newSign[7];
    for (var a = 1; a < 8; a++) {
        newMagnitude[a - 1] <== assetBit[a] * newAsset.magnitude;
        newSign[a - 1] <== assetBit[a] * newAsset.sign;
        after.magnitude[a] <== before.magnitude[a] - chosenMagnitude[a] + newMagnitude[a - 1];
        after.sign[a] <== before.sign[a] - chosenSign[a] + newSign[a - 1];
    }
    chosenBefore <== magnitude;
    signBefore <== sign;
    shrunk <== magnitude - newAsset.magnitude;

    // 3.
    fits <== (1 - newAsset.large) * (1 - newCash.large);
}
