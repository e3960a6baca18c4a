pragma circom 2.2.0;

include "poseidon.circom";
include "../types.circom";

// cipher_i = plain_i + Poseidon(viewKey, leaf, i), the account's magnitudes three to an element, then signs (8 bits) and
// weights (32 bits). The pad depends on the new leaf, so no pad ever covers two plaintexts; and the circuit that proves
// the leaf proves its ciphertext, so the owner can always read what was written.
// Packing is injective for magnitudes below 2^64 and weights below 2^32, which the caller checks.
template EncryptAccount() {
    signal input viewKey;
    signal input leaf;
    signal input weights;      // eight nibbles
    input Balances() balances;
    signal output cipher[3];

    var signs = 0;
    for (var a = 0; a < 8; a++) {
        signs += balances.sign[a] * (1 << a);
    }
    var plain[3];
    for (var i = 0; i < 3; i++) {
        plain[i] = balances.magnitude[3 * i] + balances.magnitude[3 * i + 1] * (1 << 64);
    }
    plain[0] += balances.magnitude[2] * (1 << 128);
    plain[1] += balances.magnitude[5] * (1 << 128);
    plain[2] += signs * (1 << 128) + weights * (1 << 136);

    signal pad[3];
    for (var i = 0; i < 3; i++) {
        pad[i] <== Poseidon(3)([viewKey, leaf, i]);
        cipher[i] <== plain[i] + pad[i];
    }
}
