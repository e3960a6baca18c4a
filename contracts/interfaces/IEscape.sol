// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Proof} from "./IVerifier.sol";

/// @title The way out when the sequencer is gone: stall, notice, freeze, and every owner's share of every token.
/// @notice `request` names the cause of a stall: a forced request by its number, or 0 for what concerns the system,
/// which is the age of the last checkpoint and the first deposit. Every cause has a notice of its own.
interface IEscape {
    struct Config {
        address vault;
        address settlement;
        address forced;
        address insurance;
        address exitVerifier;
        /// A last checkpoint older than this is a stall. At most 7 days.
        uint32 grace;
        /// Time under notice before a freeze, of which no single step counts for more than a quarter. At most 7 days.
        uint32 noticePeriod;
    }

    struct Exit {
        address recipient;
        /// Bit a: its share of asset a was paid.
        uint8 pulled;
        bool exited;
        /// At the checkpoint's prices, 2^32 scale.
        uint256 equity;
    }

    event StallDeclared(uint64 indexed request, uint256 indexed epoch);
    /// @param elapsed Notice so far. @param ofFeeds Time besides in which feeds were the cause.
    event Ticked(uint64 indexed request, uint256 elapsed, uint256 ofFeeds);
    /// @notice The stall was over.
    event DeclarationVoid(uint64 indexed request);
    /// @param holdings Of each token.
    /// @param denominator Equities are shares of this.
    event FreezeDone(uint64[8] holdings, uint256 denominator);
    event Exited(uint32 indexed index, address indexed recipient, uint256 equity);
    event Pulled(uint32 indexed index, uint8 indexed asset, uint256 tokenAmount);
    event OwedPulled(uint256 indexed withdrawalId, uint8 indexed asset, uint256 tokenAmount);
    event SharesPulled(address indexed insurer, uint8 indexed asset, uint256 tokenAmount);

    error InvalidConfig(string what);
    error NotVault();
    error NotGovernance();
    /// @notice Asking the feeds may take this much.
    error GasTooLow(uint256 needed);
    error NotStalled();
    error NotDeclared();
    error AlreadyDeclared();
    error NoticeRunning(uint256 elapsed, uint256 ofFeeds);
    error AlreadyFrozen();
    error NotFrozen();
    error AlreadyExited(uint32 index);
    error NotExited(uint32 index);
    error AlreadyPulled();
    error NotSpot(uint256 asset);
    error ValueNotInField();
    error InvalidProof();

    /// @return Whether the request is overdue; of 0, whether the last checkpoint is older than `grace` or a deposit is
    /// overdue.
    function stalled(uint64 request) external view returns (bool);

    /// @return Whether there is any stall: of the system, or of one of the first 32 places of the forced queue.
    function stalledAtAll() external view returns (bool);

    /// @notice Sets the clocks, as in `Config`. Governance, which answers for their order.
    function setClocks(uint32 grace, uint32 noticePeriod) external;

    /// @notice Starts the notice. Anyone, during a stall.
    function declareStall(uint64 request) external;

    /// @notice Counts the time since the last step, a quarter of the notice period at most; or voids the declaration if
    /// the stall is over. Anyone.
    /// @dev For the system's notice, the time counts as the feeds' where at this moment one of them gives no valid
    /// answer, with 4,000,000 gas for all, and no deposit or forced request is overdue.
    function tick(uint64 request) external;

    /// @notice Voids the declaration of 0 if that stall is over. Vault, at every checkpoint.
    /// @dev A checkpoint as such voids nothing: what is overdue does not become less so by others being served.
    function onCheckpoint() external;

    /// @notice Freezes the system at its last checkpoint for good, after the notice period, or after 7 days of notice
    /// in all where feeds were the cause. Anyone.
    function freeze(uint64 request) external;

    /// @notice Proves an account's equity at the checkpoint, with its owner's signature for the recipient. Anyone,
    /// once.
    function exit(uint32 index, address recipient, uint256 equity, uint256 digest, Proof calldata proof) external;

    /// @notice Pays an exit's share of one token to its recipient, rounded down. Anyone, once a token, and again where
    /// a token that had lost some of the vault's balance has got it back.
    function pull(uint32 index, uint8 asset) external;

    /// @notice Pays the caller's part of the backstop's share of one token, less what is owed, rounded down. Insurers,
    /// as often as `pull`.
    function pullShares(uint8 asset) external;

    /// @notice Pays a cut withdrawal's recipient its part of one token of what is still owed to it, as far as the
    /// backstop's equity goes, rounded down. Anyone, as often as `pull`.
    function pullOwed(uint256 withdrawalId, uint8 asset) external;

    /// @return declared Whether a declaration stands; one about a request that was requeued since does not.
    /// @return elapsed Its notice so far.
    /// @return ofFeeds Time besides in which feeds were the cause.
    /// @return lastTick Its last step.
    function notice(uint64 request)
        external
        view
        returns (bool declared, uint256 elapsed, uint256 ofFeeds, uint256 lastTick);

    /// @notice After a freeze: what is shared out of each token, and what equities are divided by.
    function snapshot() external view returns (uint64[8] memory holdings, uint256 denominator);

    function exitOf(uint32 index) external view returns (Exit memory);

    function config() external view returns (Config memory);

    function vault() external view returns (address);
}
