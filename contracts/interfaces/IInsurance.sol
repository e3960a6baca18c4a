// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Shares of the backstop's equity, bought and redeemed in cash at checkpoints only.
/// @notice A period ends with a checkpoint that converts: one at a later round than that in which its requests were made,
/// so that none is made in the knowledge of its price. Where the backstop is worth nothing, or less, none ends. Requests of
/// a period are of one round; while it waits for its checkpoint there are no new ones.
interface IInsurance {
    event Insured(address indexed insurer, uint64 amount, uint256 indexed period);
    event Cancelled(address indexed insurer, uint64 amount);
    event Redeeming(address indexed insurer, uint256 shares, uint256 indexed period);
    event Collected(address indexed insurer, uint64 amount);
    ///
    /// @param minted Shares for `converted` cash.
    /// @param burned Shares redeemed for `paid` cash.
    event Converted(uint256 indexed period, uint64 converted, uint256 minted, uint64 paid, uint256 burned);

    error NotVault();
    error Frozen();
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

    /// @notice Converts at a checkpoint. Vault.
    ///
    /// @param equity Of the backstop, 2^32 scale.
    /// @param backstopCash May be negative.
    /// @param free Free custody of cash.
    ///
    /// @return converted Waiting cash that becomes the backstop's.
    /// @return paid Backstop cash that becomes claimable.
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

    function totalShares() external view returns (uint256);

    /// @return Whether `insure` and `redeem` are open: no request of an earlier round waits.
    function accepting() external view returns (bool);

    ///
    /// @return Checkpoints that converted, so far.
    function period() external view returns (uint256);

    function vault() external view returns (address);
}
