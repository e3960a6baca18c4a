// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {INativeCredits} from "./INativeCredits.sol";
import {IStepErrors} from "./IStepErrors.sol";

/// @title Forced withdrawals, and forced closes of positions in synthetics: requests that the operator must serve, or
/// prove that they cannot be served, in time.
/// @notice An owner reserves a number, signs a message that names it, and submits the signature. Deadlines run in live
/// time (`IRounds.liveTime`). Fees, and the bonds of discharged requests, are burnt: paid to nobody who could spam.
interface IForced is IStepErrors, INativeCredits {
    struct Config {
        address vault;
        /// Live seconds until a request has to be served.
        uint32 forcedDelay;
        /// Live seconds between the deadlines of two requests, at least: the operator's proven rate.
        uint32 forcedSpacing;
        /// Seconds by which a signature outlives the deadline, at least.
        uint32 expirySlack;
        /// In the chain's coin: returned unless the request is discharged.
        uint256 bond;
        /// In the chain's coin, of every place in the queue: burnt.
        uint96 forcedFee;
    }

    enum State {
        None,
        Reserved,
        Pending,
        Served,
        Discharged,
        Closed
    }

    struct Request {
        address requester;
        uint32 index;
        State state;
        uint8 asset;
        /// In live time.
        uint40 deadline;
        /// Whether the withdrawal is to be paid in full or wait.
        bool inFull;
        address recipient;
        uint64 amount;
        /// Position in the queue of deadlines.
        uint32 place;
        uint40 expiry;
        /// The latest round when it was submitted.
        uint40 round;
        /// The first 22 bytes of the hash of R8 and s, 32 bytes each.
        bytes22 signatureHash;
        /// Whether it is a forced close. Then there is no recipient, and `amount` is the most that is traded.
        bool closes;
        /// Of a forced close: whether the account buys a short position back, rather than sells a long one.
        bool buys;
        /// Of a forced close: the least `sell` or the most `buy`, 2^32 scale.
        uint64 limit;
    }

    event Reserved(uint64 indexed number, uint32 indexed index, address indexed requester);
    event Released(uint64 indexed number);
    event Submitted(
        uint64 indexed number,
        uint32 indexed index,
        uint8 asset,
        uint64 amount,
        address recipient,
        uint40 expiry,
        uint256[2] r8,
        uint256 s,
        bool inFull,
        uint256 deadline
    );
    /// @param limit As in `Request`.
    event CloseSubmitted(
        uint64 indexed number,
        uint32 indexed index,
        uint8 asset,
        bool buys,
        uint64 amount,
        uint64 limit,
        uint40 expiry,
        uint256[2] r8,
        uint256 s,
        uint256 deadline
    );
    event Served(uint64 indexed number);
    /// @notice Its bond was burnt, or returned where a round since it was filed tightened initial margins or held an
    /// asset: `IMargins.tightenedAt`.
    event Discharged(uint64 indexed number);

    event Requeued(uint64 indexed number, uint256 deadline);
    /// @notice It expired, or the system was frozen.
    event Closed(uint64 indexed number);

    /// @notice No withdrawal is discharged while the requests' clock stands for an asset that is held.
    error ClockStands();
    error InvalidConfig(string what);
    error NotVault();
    error NotGovernance();
    error WrongBond(uint256 expected);
    error WrongFee(uint256 expected);
    /// @notice The caller already has a request for this account.
    error OnePerAccount(uint64 number);
    error NotReserver();
    /// @notice R8 is not a canonical point of the curve, or s not below the order of the subgroup.
    error BadSignatureForm();
    error ExpiryTooSoon(uint256 earliest);
    error FreeCustodySuffices(uint256 free);
    /// @notice Cash, a token, or not an asset of the deployment: what has a token leaves by a withdrawal, and is repaid
    /// by a deposit.
    error NotSynthetic(uint256 asset);
    /// @notice More than `2 penalty depth` of the asset.
    error BeyondDepth(uint256 amount, uint256 most);
    /// @notice The backstop takes the forced close now.
    error Closeable(uint64 number);
    /// @notice The deadline is not over.
    error NotDue(uint64 number);
    error NotExpired(uint64 number);
    error NotFrozen();

    /// @notice Reserves the next number for the caller, for a request on an account. Costs `bond + forcedFee`.
    /// @param owner The account's: see `IVault.ownerOf`.
    function reserve(uint32 index, bytes32 owner) external payable returns (uint64 number);

    /// @notice Gives up a number that was not used; the bond is credited. Its reserver.
    function release(uint64 number) external;

    /// @notice Files the request that the owner signed for this number. Its reserver, once.
    /// @param expiry At least `earliestExpiry()`.
    /// @param inFull Whether the owner signed that it is to be paid in full or wait.
    function submit(
        uint64 number,
        uint8 asset,
        uint64 amount,
        address recipient,
        uint40 expiry,
        uint256[2] calldata r8,
        uint256 s,
        bool inFull
    ) external;

    /// @notice Files the forced close that the owner signed for this number: to sell of a long position, or to buy back
    /// of a short one, against the backstop, whatever the margin. It is carried out at a round after this one. Its
    /// reserver, once.
    /// @param amount The most that is traded, up to `closeMost(asset)`.
    /// @param limit The least `sell`, or where the account buys the most `buy`, 2^32 scale: 0 or 2^64 - 1 for none.
    /// @param expiry At least `earliestExpiry()`.
    function submitClose(
        uint64 number,
        uint8 asset,
        bool buys,
        uint64 amount,
        uint64 limit,
        uint40 expiry,
        uint256[2] calldata r8,
        uint256 s
    ) external;

    /// @notice Takes a forced close off the queue as served (op 10) or discharged (op 12). Vault.
    /// @param step As it stands in the public vector.
    /// @return asset What was traded.
    /// @return units By how much the backstop's balance of the asset changes; 0 where it was discharged.
    /// @return cash By how much its cash does.
    function consumeClose(uint256[] calldata step) external returns (uint256 asset, int128 units, int128 cash);

    /// @notice Takes a request off the queue as served (op 7) or discharged (op 8). Vault.
    /// @param recipient With `inFull` as its bit 160.
    function consume(
        uint256 op,
        uint256 index,
        uint256 asset,
        uint256 amount,
        uint256 recipient,
        uint256 number,
        uint256 r8x,
        uint256 r8y,
        uint256 s,
        uint256 expiry
    ) external;

    /// @notice Gives a request past its deadline that exceeds free custody, or a forced close that the backstop does
    /// not take, a new place and deadline under its old number, unless it would expire before. Costs `forcedFee`.
    /// Anyone.
    function requeue(uint64 number) external payable;

    /// @notice Closes a request whose signature has expired; the bond is credited. Anyone.
    function closeExpired(uint64 number) external;

    /// @notice Moves the start of the queue past at most 32 places that are done. Anyone.
    function advance() external;

    /// @notice Credits the bond of a request that a freeze left pending. Anyone.
    function takeBond(uint64 number) external;

    /// @notice Sets clocks and fee, as in `Config`. Governance, which answers for their order.
    function setTerms(uint32 forcedDelay, uint32 forcedSpacing, uint32 expirySlack_, uint96 forcedFee) external;

    /// @return late Whether the request is pending, past its deadline, not expired and within free custody; a forced
    /// close, whether the backstop takes it.
    /// @return deadline Its deadline.
    function overdue(uint64 number) external view returns (bool late, uint40 deadline);

    function request(uint64 number) external view returns (Request memory);

    /// @return The most that a forced close of an asset may ask for now: `2 penalty depth`.
    function closeMost(uint256 asset) external view returns (uint256);

    /// @return The number that the next reservation gets.
    function nextNumber() external view returns (uint64);

    /// @return first The first place that may be pending.
    /// @return end The next place.
    function queue() external view returns (uint256 first, uint256 end);

    /// @return The deadline of the last place, in live time: the next is `forcedSpacing` later at least.
    function lastDeadline() external view returns (uint40);

    /// @return The least expiry that `submit` takes now.
    function earliestExpiry() external view returns (uint256);

    /// @return The number at a place of the queue; the request may have moved on.
    function numberAt(uint256 place) external view returns (uint64);

    /// @return The caller's reserved or pending request for an account; 0: none.
    function requestOf(uint32 index, address requester) external view returns (uint64);

    function config() external view returns (Config memory);

    function vault() external view returns (address);

    function expirySlack() external view returns (uint256);
}
