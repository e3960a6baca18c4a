pragma circom 2.2.0;

include "poseidon.circom";
include "types.circom";
include "gadgets/assert_bit.circom";
include "gadgets/assert_range.circom";
include "gadgets/leaf_hash.circom";
include "gadgets/message_hash.circom";
include "gadgets/public_vector.circom";
include "gadgets/signature_or_secret.circom";
include "gadgets/tree_member.circom";
include "gadgets/weighted_sum.circom";

// An owner leaves on its own from a frozen system (docs/protocol.md#exit). It proves: the tree of the root in D holds at the
// index in D a leaf that the witness opens; its owner is the hash of a key that signed EXIT for this chain, contract, index and
// recipient; and the equity in D is sum price b over its balances, cash at 2^32, and not negative.
//
// D = root, chainId, settlement, index, recipient, equity, price[7].
// Root and prices are the checkpoint's, which the contract fills in with chain and settlement. It keeps recipients below 2^160
// and takes one exit an index. Magnitudes are below 2^64 by birth of the leaf, prices by the contract: equity is below 2^133.
template Exit(depth) {
    assert(depth <= 16); // an index below 2^32: meta packs it into 32 bits
    signal input digest; // public signals: see PublicVector
    signal input z;
    signal input y;

    signal input root;
    signal input chainId;
    signal input settlement;
    signal input recipient;
    signal input price[7];
    signal input owner;
    signal input viewKey;
    signal input version;
    signal input indexBits[2 * depth];     // low bit first; binary by TreeMember
    signal input weights;                  // eight nibbles
    signal input sign[8];
    signal input magnitude[8];
    signal input children[depth][4];       // see TreeMember
    signal input publicKey[2];
    signal input r8[2];
    signal input s;
    signal input blind;                    // see ScalarMulAny

    // The leaf. Ranges of version and weights make meta's packing unique, and so the index.
    var index = 0;
    for (var i = 0; i < 2 * depth; i++) {
        index += indexBits[i] * (1 << i);
    }
    AssertRange(32)(version);
    AssertRange(32)(weights);
    Balances() balances;
    for (var a = 0; a < 8; a++) {
        balances.sign[a] <== AssertBit()(sign[a]);
        balances.magnitude[a] <== magnitude[a];
    }
    signal key <== Poseidon(2)([owner, viewKey]);
    signal leaf <== LeafHash()(key, version + index * (1 << 32) + weights * (1 << 64), balances);
    component tree = TreeMember(depth);
    tree.leaf <== leaf;
    tree.indexBits <== indexBits;
    tree.children <== children;
    root === tree.root;

    // The owner's word.
    signal signer <== Poseidon(2)(publicKey);
    owner === signer;
    Terms() terms;
    terms.kind <== 16;
    terms.index <== index;
    terms.nonce <== 0;
    terms.expiry <== 0;
    terms.asset <== 0;
    terms.direction <== 0;
    terms.amount <== 0;
    terms.cash <== 0;
    terms.extra <== recipient;
    component signature = SignatureOrSecret();
    signature.opens <== AssertBit()(0);
    signature.secret <== 0;
    signature.publicKey <== publicKey;
    signature.message <== MessageHash()(chainId, settlement, terms);
    signature.r8 <== r8;
    signature.s <== s;
    signature.blind <== AssertBit()(blind);
    signature.valid === 1;

    // What it is worth.
    component value = WeightedSum();
    value.balances <== balances;
    value.positive <== price;
    value.negative <== price;
    signal cash <== (1 - 2 * balances.sign[0]) * balances.magnitude[0];
    signal equity <== value.out + cash * (1 << 32);
    AssertRange(133)(equity);

    signal vector[13];
    vector[0] <== root;
    vector[1] <== chainId;
    vector[2] <== settlement;
    vector[3] <== index;
    vector[4] <== recipient;
    vector[5] <== equity;
    for (var a = 0; a < 7; a++) {
        vector[6 + a] <== price[a];
    }
    PublicVector(13)(vector, digest, z, y);
}
