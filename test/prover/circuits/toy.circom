pragma circom 2.2.0;

include "poseidon.circom";

// Knowledge of factors z, y of digest, and of a Poseidon preimage that nothing else uses.
template Toy(hashes) {
    signal input digest;
    signal input z;
    signal input y;
    signal input secret[2];

    component hash[hashes];
    signal chain[hashes + 1];
    chain[0] <== secret[0];
    for (var i = 0; i < hashes; i++) {
        hash[i] = Poseidon(2);
        hash[i].inputs[0] <== chain[i];
        hash[i].inputs[1] <== secret[1];
        chain[i + 1] <== hash[i].out;
    }
    digest === z * y;
}
