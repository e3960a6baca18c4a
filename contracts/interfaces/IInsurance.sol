// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Who owns the backstop's equity: first those whose withdrawals were cut, then insurers, by shares that are
/// bought and redeemed in cash at checkpoints only.
/// @notice What a checkpoint cuts from withdrawals is owed in cash at its prices. Debts stand in a line in the order of
/// checkpoints, those of one in proportion; two running totals say how long it is and how much of it was repaid. A
/// period ends with a checkpoint that converts: one at a later round than that in which its requests were made, so that
/// none is made in the knowledge of its price. Cash is taken at the backstop's equity at the round's prices; shares are
/// redeemed at what it is worth where inventory ends, `sell` and `buy`: a penalty that unwinding gives back pays
/// nobody. Both are less what is owed. Where that leaves nothing, or less, no period ends. Requests of a period are of
/// one round; while it waits for its checkpoint there are no new ones.
interface IInsurance {
    event Insured(address indexed insurer, uint64 amount, uint256 indexed period);
    event Cancelled(address indexed insurer, uint64 amount);
    event Redeeming(address indexed insurer, uint256 shares, uint256 indexed period);
    event Collected(address indexed insurer, uint64 amount);
    /// @param epoch Whose withdrawals were cut.
    event Owed(uint256 indexed epoch, uint256 amount);
    /// @notice Backstop cash that became claimable by those owed.
    event Repaid(uint256 amount);
    event OwedCollected(uint256 indexed withdrawalId, uint64 amount);
    ///
    /// @param minted Shares for `converted` cash.
    /// @param burned Shares redeemed for `paid` cash.
    event Converted(uint256 indexed period, uint64 converted, uint256 minted, uint64 paid, uint256 burned);

    error NotVault();
    error Frozen();
    /// @notice The guardian has halted new insurance.
    error Halted();
    error NothingWaiting();
    error NothingToCollect();
    error SharesZero();
    error NotEnoughShares(uint256 shares);
    /// @notice Requests of an earlier round wait for a checkpoint; try again after it.
    error CheckpointDue();

    /// @notice Pays cash in, to become shares at a checkpoint.
    /// @param tokenAmount Token units.
    function insure(uint256 tokenAmount) external;

    /// @notice Takes back the caller's cash that has not become shares.
    function cancel() external;

    /// @notice Offers shares for cash at a checkpoint. What cannot be paid comes back as shares.
    function redeem(uint256 shares) external;

    /// @notice Pays the caller what its redeemed shares gave, rounded down to a token unit.
    function collect() external;

    /// @notice Pays a cut withdrawal's recipient what was repaid of it since the last time, rounded down. Anyone.
    function collectOwed(uint256 withdrawalId) external;

    /// @notice Records what a checkpoint cut from its epoch's withdrawals. Vault.
    ///
    /// @param value Of the withdrawals, 2^32 scale.
    /// @param amount Cash.
    /// @param prices The checkpoint's.
    function onCut(uint256 epoch, uint256 value, uint256 amount, uint64[7] calldata prices) external;

    /// @notice Repays what is owed, then converts, at a checkpoint. Vault.
    ///
    /// @param equity Of the backstop, 2^32 scale; not negative.
    /// @param backstopCash May be negative.
    /// @param free Free custody of cash.
    ///
    /// @return converted Waiting cash that becomes the backstop's.
    /// @return paid Backstop cash that becomes claimable, by those owed or by insurers.
    function onCheckpoint(int256 equity, int256 backstopCash, uint256 free)
        external
        returns (uint64 converted, uint64 paid);

    ///
    /// @return shares Owned, those offered for redemption included.
    /// @return total Of everybody, nobody's included.
    function sharesOf(address insurer) external view returns (uint256 shares, uint256 total);

    ///
    /// @return waiting Cash that has not become shares.
    /// @return offered Shares offered.
    /// @return collectable Cash to collect.
    function position(address insurer) external view returns (uint64 waiting, uint256 offered, uint64 collectable);

    ///
    /// @return total Cash ever owed to cut withdrawals.
    /// @return repaid Of it.
    function owed() external view returns (uint256 total, uint256 repaid);

    /// @return Cash that a withdrawal is owed of the first `upTo` of the line.
    function owedTo(uint256 withdrawalId, uint256 upTo) external view returns (uint256);

    /// @return The backstop's equity without the penalties of its inventory: what it holds at `sell` and what it owes
    /// at `buy`, 2^32 scale; what is owed to cut withdrawals is not taken off.
    function equityLow() external view returns (int256);

    function totalShares() external view returns (uint256);

    /// @return Whether `insure` and `redeem` are open: no request of an earlier round waits.
    function accepting() external view returns (bool);

    ///
    /// @return Checkpoints that converted, so far.
    function period() external view returns (uint256);

    function vault() external view returns (address);
}
