pragma circom 2.2.0;

// Eight balances as signs and magnitudes (docs/protocol.md#values). Canonical iff a zero magnitude has sign 0.
bus Balances() {
    signal {binary} sign[8];
    signal magnitude[8];
}

// Marks of one asset, in the order of the public vector (docs/protocol.md#marks). The contract keeps each below 2^64.
bus AssetMarks() {
    signal price;
    signal u;
    signal v;
    signal ut;
    signal vt;
    signal sell;
    signal buy;
    signal kSell;
    signal kBuy;
}

// What a leaf commits to besides balances and weights.
bus Identity() {
    signal owner;   // Poseidon of the owner's public key
    signal viewKey; // secret of owner and sequencer
    signal version;
}

// Marks of one asset that operations of accounts need, in the order of transact's public vector. Each below 2^64 (contract).
bus TradeMarks() {
    signal price;
    signal ut;
    signal vt;
    signal sell;
    signal buy;
}

// What an owner signs, beside chain and contract (docs/protocol.md#keys-and-signatures).
bus Terms() {
    signal kind;
    signal index;
    signal nonce;
    signal expiry;
    signal asset;
    signal direction;
    signal amount;
    signal cash;
    signal extra;
}
