pragma circom 2.2.0;

include "types.circom";

// What an account pays in initial margin for the size of its positions (docs/protocol.md#concentration):
//   charge = sum over assets 1..7 of kappa m^2, in units of 2^-80 base units of cash, nothing rounded.
// Each kappa is below 2^64 (contract) and each magnitude below 2^65 (BalanceChange): the charge is below 7 2^194 < 2^197, far
// below r, so the sum over the integers is the sum in the field. Signs do not matter, and cash is not charged.
template Concentration() {
    input Balances() balances;
    signal input kappa[7];
    signal output charge;

    signal square[7];
    signal part[7];
    var sum = 0;
    for (var a = 0; a < 7; a++) {
        square[a] <== balances.magnitude[a + 1] * balances.magnitude[a + 1];
        part[a] <== kappa[a] * square[a];
        sum += part[a];
    }
    charge <== sum;
}
