// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {INativeCredits} from "./INativeCredits.sol";
import {IStepErrors} from "./IStepErrors.sol";

/// @title Custody: tokens, the one ledger, deposits, withdrawals, claims, and the record of the last checkpoint.
/// @notice Assets are numbered 0 to 7, cash first. Amounts are in the rollup's own units unless "token units" is said:
/// where a token has more decimals, a unit is several token units; where it has fewer, a token unit is several units.
/// For every asset with a token: custody = accounts + backstop + pending + claimable + waiting + queued (+ insuring for
/// cash), and the vault holds at least `custody` of the token; for every other: accounts + backstop = 0.
/// Balances that a trusted import brought are in none of these figures.
interface IVault is IStepErrors, INativeCredits {
    struct AssetConfig {
        /// 0: no token, a synthetic. Cash has one.
        address token;
        /// The most that the vault takes into custody, at most 2^63; what takers of lots pay comes on top.
        uint64 cap;
        /// The least that opens an account.
        uint64 minOpen;
        /// The least of any other deposit.
        uint64 minDeposit;
    }

    struct Config {
        address rounds;
        /// Live seconds within which a deposit has to be consumed.
        uint32 depositDelay;
        /// Live seconds between the deadlines of two deposits, at least.
        uint32 depositSpacing;
        /// In the chain's coin, for opening an account.
        uint96 openingFee;
    }

    enum DepositKind {
        None,
        Open,
        TopUp
    }

    enum DepositState {
        Queued,
        Consumed,
        Bounced,
        Refunded
    }

    struct Deposit {
        address depositor;
        uint8 asset;
        DepositKind kind;
        DepositState state;
        uint32 index;
        /// In live time.
        uint40 deadline;
        /// 0 once it was taken back.
        uint64 amount;
    }

    struct Withdrawal {
        address recipient;
        uint8 asset;
        uint64 amount;
        /// Number of checkpoints before it: claimable when there are more.
        uint64 epoch;
        bool claimed;
        /// Whether it waits for a checkpoint that pays all of it.
        bool inFull;
    }

    struct Ledger {
        uint64 custody;
        uint64 queued;
        uint64 pending;
        uint64 claimable;
        int128 accounts;
        int128 backstop;
        uint128 consumed;
        /// Withdrawals of earlier epochs that wait to be paid in full.
        uint64 waiting;
    }

    /// @notice What an escape restores.
    struct Checkpoint {
        uint256 root;
        /// Of assets 1 to 7 at the round, as `IRounds.round` has them: not raised to the least price mark.
        uint64[7] prices;
        /// Of the round.
        uint64 round;
        uint40 timestamp;
        /// Deposits before this one are in the root, or bounced.
        uint64 deposits;
        /// Checkpoints, this one included.
        uint64 epoch;
        /// Of the backstop at the prices, 2^32 scale; what is owed to cut withdrawals is not taken off.
        int256 equity;
        /// Of all accounts and the backstop together at the prices, 2^32 scale.
        uint256 value;
        /// Ever consumed of each asset.
        uint128[8] consumed;
    }

    /// @param kind 1 opens an account, 2 tops one up.
    /// @param deadline In live time.
    event Deposited(
        uint256 indexed id,
        uint256 indexed index,
        uint8 kind,
        uint8 asset,
        uint64 amount,
        uint256 ax,
        uint256 ay,
        address depositor,
        uint256 deadline
    );
    event DepositConsumed(uint256 indexed id);
    /// @notice The account's balance had no room for it: the depositor may take it back.
    event DepositBounced(uint256 indexed id);
    event Refunded(uint256 indexed id, uint256 tokenAmount);
    /// @notice The deposit stays in the queue, as one of nothing.
    event TakenBack(uint256 indexed id, uint256 tokenAmount);
    event WithdrawalPending(
        uint256 indexed id,
        uint256 indexed index,
        address indexed recipient,
        uint8 asset,
        uint64 amount,
        uint256 epoch,
        bool inFull
    );
    event Claimed(uint256 indexed id, uint256 tokenAmount);
    /// @param direction 1: an account bought `x` of the asset from the backstop for `y` cash; 0: sold it.
    event Unwound(uint8 indexed asset, uint8 direction, uint64 x, uint64 y);
    /// @notice Withdrawals of the epoch that it ends pay `num / den` of their amount, or wait where they are in full
    /// only.
    event Checkpointed(uint256 indexed epoch, uint256 root, uint256 round, uint256 deposits, uint256 num, uint256 den);
    event Donated(address indexed from, uint8 indexed asset, uint64 amount);
    event Bound(address settlement, address forced, address insurance, address escape, address market);
    event FrozenAt(uint256 indexed epoch);

    error NotDeployer();
    error AlreadyBound();
    error NotBound();
    error InvalidConfig(string what);
    error NotSettlement();
    error NotInsurance();
    error NotEscape();
    error NotMarket();
    error NotGovernance();
    /// @notice The guardian has halted new accounts.
    error Halted();
    /// @notice Indices are reserved for an import before any deposit only.
    error IndicesTaken();
    error WrongFee(uint256 expected);
    /// @notice A coordinate is not below the order of the field.
    error NotCanonical();
    error NotOnCurve();
    error SmallOrder();
    error BelowMinimum(uint256 amount, uint256 minimum);
    error CapExceeded(uint256 custody, uint256 cap);
    error AccountsFull();
    error UnknownAccount(uint256 index);
    /// @notice The account has another owner.
    error WrongOwner(uint256 index);
    /// @notice The backstop was under water at the last checkpoint, and the depositor did not say that it may be.
    error UnderWater();
    error NotDepositor();
    /// @notice The deposit was consumed or taken back.
    error NotQueued(uint256 id);
    /// @notice The deposit's deadline is not over.
    error NotOverdue(uint256 id);
    /// @notice The token did not bring exactly what was asked for.
    error WrongReceived(uint256 received, uint256 expected);
    error NotCheckpointed(uint256 id);
    error AlreadyClaimed(uint256 id);
    error UnknownWithdrawal(uint256 id);
    error NotRefundable(uint256 id);
    error AlreadyRefunded(uint256 id);

    /// @notice Names the other contracts, each of which must name this one; the rounds must name the settlement
    /// already. Deployer, once; nothing works before.
    function bind(
        address settlement_,
        address forced_,
        address insurance_,
        address escape_,
        address market_
    ) external;

    /// @notice Queues a deposit that opens an account for a public key of BabyJubJub, at the index returned.
    /// Costs `openingFee`.
    /// @param tokenAmount Token units.
    /// @param evenUnderWater Whether to deposit although withdrawals would be cut, as of the last checkpoint.
    function open(uint8 asset, uint256 tokenAmount, uint256 ax, uint256 ay, bool evenUnderWater)
        external
        payable
        returns (uint256 depositId, uint32 index);

    /// @notice Queues a deposit to an account, of anyone by anyone.
    /// @param owner As `ownerOf`, so that a reorganization cannot put somebody else there.
    /// @param tokenAmount Token units.
    function topUp(uint32 index, bytes32 owner, uint8 asset, uint256 tokenAmount) external returns (uint256 depositId);

    /// @notice Returns a deposit that is still queued after its deadline. Its depositor, once.
    function takeBack(uint256 depositId) external;

    /// @notice Gives to the backstop, without shares.
    /// @param tokenAmount Token units.
    function donate(uint8 asset, uint256 tokenAmount) external;

    /// @notice Pays a withdrawal to its recipient as `payout` says, rounded down. Anyone, once.
    function claim(uint256 withdrawalId) external;

    /// @notice Returns a deposit that bounced or that a freeze voided to its depositor. Anyone, once.
    function refund(uint256 depositId) external;

    /// @notice Books a batch of operations, 10 elements each, in order. Settlement.
    function applySteps(uint256[] calldata steps, uint256 active) external;

    /// @notice Books what liquidations changed. Settlement.
    function liquidated(int256[8] calldata delta, uint256 badDebt_) external;

    /// @notice Records a checkpoint, makes the withdrawals of the epoch claimable, and lets insurers in and out.
    /// Settlement, which vouches that the system is complete at a fresh round.
    function checkpoint(uint256 root) external;

    /// @notice Gives the first indices to an import. Settlement.
    function reserveIndices(uint256 count) external;

    /// @notice Sets clocks and fee, as in `Config`, and caps. Governance, which answers for their order.
    function setTerms(
        uint32 depositDelay,
        uint32 depositSpacing,
        uint96 openingFee,
        uint64[8] calldata caps
    ) external;

    /// @notice Sets one asset's cap. Governance.
    function lowerCap(uint8 asset, uint64 cap) external;

    /// @notice Pays out what the backstop gives of free custody, to the recipient; calls the taker back, where there
    /// are data; and takes what it gets from the taker. Market, which answers for the price. One of the assets is cash.
    /// @param given Of asset `out`, above 0 and in whole token units; so is `owed`, of asset `into`.
    function exchange(
        uint8 out,
        uint256 given,
        uint8 into,
        uint256 owed,
        address taker,
        address recipient,
        bytes calldata data
    ) external;

    /// @notice Takes an insurer's cash. Insurance.
    /// @param tokenAmount Token units.
    function insureIn(address from, uint256 tokenAmount) external returns (uint64 amount);

    /// @notice Returns cash that was not converted. Insurance.
    function insureOut(address to, uint64 amount) external;

    /// @notice Pays claimable cash, rounded down to a token unit. Insurance.
    /// @return paid What was paid.
    function payCash(address to, uint64 amount) external returns (uint64 paid);

    /// @notice Stops everything but claims, refunds and the escape. Escape.
    /// @return holdings Of each token, what belongs to the accounts and the backstop of the last checkpoint.
    function freeze() external returns (uint64[8] memory holdings);

    /// @notice Pays a share, rounded down to a token unit. Escape.
    /// @param ofBackstop Whether it is the backstop's.
    function payShare(uint8 asset, address to, uint64 amount, bool ofBackstop) external returns (uint256 tokenAmount);

    function ledger(uint8 asset) external view returns (Ledger memory);

    /// @return What may be withdrawn: that of accounts and backstop, less what is pending.
    function free(uint8 asset) external view returns (uint256);

    /// @return By how much the token's balance of this contract falls short of custody, rounded up.
    function shortfall(uint8 asset) external view returns (uint256);

    /// @return Cash of insurers that waits for a checkpoint.
    function insuring() external view returns (uint64);

    /// @return Base units of assets 0 to 7; negative: the backstop is short.
    function backstop() external view returns (int256[8] memory);

    /// @return Cash base units, since the beginning.
    function badDebt() external view returns (uint256);

    function deposit(uint256 id) external view returns (Deposit memory);

    /// @return first The first deposit not consumed.
    /// @return end The next id.
    function depositQueue() external view returns (uint256 first, uint256 end);

    /// @return Whether the first deposit in the queue is past its deadline.
    function depositOverdue() external view returns (bool);

    function withdrawal(uint256 id) external view returns (Withdrawal memory);

    /// @return Withdrawals so far; ids count from 0.
    function withdrawalCount() external view returns (uint256);

    /// @notice What a withdrawal pays of its amount; `den` 0: nothing yet.
    function payout(uint256 id) external view returns (uint256 num, uint256 den);

    /// @notice What the withdrawals of an epoch pay of their amount, but for those in full; `den` 0: the epoch has not
    /// ended.
    function ratio(uint256 epoch) external view returns (uint256 num, uint256 den);

    function lastCheckpoint() external view returns (Checkpoint memory);

    /// @return Number of checkpoints.
    function epochs() external view returns (uint256);

    /// @return Time of the last checkpoint, or of the binding.
    function checkpointedAt() external view returns (uint256);

    /// @return The index of the next account.
    function nextIndex() external view returns (uint32);

    /// @return Accounts that exist: those below this index.
    function opened() external view returns (uint32);

    /// @return keccak256 of the two coordinates of the public key that an account was opened for, 32 bytes each; 0
    /// where an import brought it or there is none.
    function ownerOf(uint32 index) external view returns (bytes32);

    /// @notice Reverts unless the account exists and is this owner's.
    function requireAccount(uint32 index, bytes32 owner) external view;

    /// @notice Reverts unless the amount of the asset can be paid in whole token units.
    function requireWithdrawable(uint256 asset, uint256 amount) external view;

    /// @notice The token, 0 for a synthetic, its decimals, and the rollup's; limits as in `AssetConfig`.
    function assetInfo(uint8 asset)
        external
        view
        returns (
            address token,
            uint8 tokenDecimals,
            uint8 decimals,
            uint64 cap,
            uint64 minOpen,
            uint64 minDeposit
        );

    function config() external view returns (Config memory);

    function frozen() external view returns (bool);

    function rounds() external view returns (address);

    function settlement() external view returns (address);

    function forced() external view returns (address);

    function insurance() external view returns (address);

    function escape() external view returns (address);

    function market() external view returns (address);
}
