// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Oracles: from what an asset's sources say to one reading of it.
/// @notice Assets are numbered 0 (cash) to 7. Prices are in cash base units per base unit of the asset, scaled by
/// 2^32; quotes are prices in the quote currency on the same scale, as if a unit of cash were worth a unit of it. Times
/// are in unix seconds, shares in 1/10^4.
interface IOracles {
    /// @notice What the round is told of an asset.
    struct Reading {
        /// The accepted price, in [1, 2^60); held: the last accepted one; 0: there never was one.
        uint64 price;
        /// The least and the greatest of what counted, widened by confidence and cash's own interval, below 2^60; held:
        /// `price`.
        uint64 low;
        uint64 high;
        /// The time of the first round at which the asset was held; 0: it is not.
        uint40 heldSince;
    }

    struct SourceConfig {
        /// An `ISource`.
        address source;
        /// An answer older than this is stale.
        uint32 heartbeat;
        /// An answer further than this from the median is dropped.
        uint16 deviation;
        /// An answer whose confidence is more than this share of its price fails.
        uint16 maxConfidence;
    }

    struct AssetConfig {
        /// Internal decimals, at most 8.
        uint8 decimals;
        /// A greater move since the last accepted quote has to be confirmed; 0: none has to.
        uint16 jump;
        /// Seconds after which an only source confirms its own jump.
        uint24 confirm;
        /// One to four; cash may have none: it is worth its amount then.
        SourceConfig[] sources;
    }

    struct Config {
        address governance;
        /// Gas that each call to a source is given.
        uint32 sourceGas;
        /// Chainlink's feed of whether the chain's sequencer is up; 0: there is none.
        address uptimeFeed;
        /// Seconds for which rounds stand still after the sequencer is up again.
        uint32 uptimeGrace;
    }

    /// @notice A source as it is stored, one slot each.
    struct Source {
        address source;
        uint32 heartbeat;
        uint16 deviation;
        uint16 maxConfidence;
        /// As it said when it was named.
        uint8 decimals;
        bool timeWeighted;
        bool disabled;
    }

    /// @notice What is remembered of an asset.
    struct State {
        /// As in `Reading`.
        uint64 price;
        /// The last accepted quote; 0: there never was one.
        uint64 quote;
        uint40 heldSince;
        /// When the only source first said what waits for its confirmation; 0: nothing does.
        uint40 jumpSince;
        /// Whether that is a rise.
        bool jumpUp;
    }

    /// @notice Why an answer is not in the median; `None`: it is.
    enum Fault {
        None,
        /// A revert, no contract, or too little data.
        NoAnswer,
        DecimalsChanged,
        /// Not positive.
        NotPositive,
        /// A price of 2^60 or more.
        TooHigh,
        FromFuture,
        Stale,
        Uncertain,
        /// Passed its own tests, and was too far from the median.
        Deviates,
        Disabled
    }

    /// @notice At the deployment; `sources` of them follow.
    event AssetSet(uint256 indexed asset, uint8 decimals, uint16 jump, uint24 confirm, uint256 sources);
    /// @notice At the deployment.
    event ConfigSet(Config config, uint8 cashDecimals);
    /// @notice The source of this place from now on; also at the deployment.
    event SourceSet(uint256 indexed asset, uint256 indexed index, Source source);
    event SourceProposed(uint256 indexed asset, uint256 indexed index, Source source, uint256 readyAt);
    /// @notice The proposal was taken back.
    event SourceDropped(uint256 indexed asset, uint256 indexed index);
    event SourceDisabled(uint256 indexed asset, uint256 indexed index);
    /// @notice The asset is held from this round on, or what it waits for has changed.
    /// @param jump Its only source's quote that waits for confirmation; 0: it is held for another reason.
    event Held(uint256 indexed asset, uint256 jump);
    /// @notice The asset is held no more.
    event Released(uint256 indexed asset, uint256 heldSince);
    event Bound(address rounds);

    error NotDeployer();
    error AlreadyBound();
    error NotBound();
    error NotRounds();
    error NotAdmin();
    error NotGuardian();
    error InvalidConfig(string what);
    error UnknownAsset(uint256 asset);
    error UnknownSource(uint256 asset, uint256 index);
    /// @notice Not a contract of the interface, or numbers out of bounds.
    error InvalidSource(uint256 asset, uint256 index);
    /// @notice More than one source is time-weighted, or one of two or less is.
    error TimeWeighted(uint256 asset);
    error NotProposed(uint256 asset, uint256 index);
    error NotReady(uint256 readyAt);
    /// @notice Without this source too few remain for the quorum, whatever they say.
    error QuorumLost(uint256 asset);

    /// @notice Names the rounds. Deployer, once.
    function bind(address rounds_) external;

    /// @notice Asks every source, steps what is remembered, and returns the readings of assets 1 to 7. No answer makes
    /// it revert. Rounds only, once a round.
    /// @return readings One an asset; those of unused ones are 0.
    /// @return words A word for each source, those of asset 0 first: quote (64 bits from bit 0), confidence (64, at
    /// most 2^64 - 1), time (40, at most 2^40 - 1), `Fault` (8), place among the asset's sources (8), asset (8). A
    /// quote is rounded down, but to 1 at least, and 0 where there was none; a confidence is rounded up.
    function update() external returns (Reading[7] memory readings, uint256[] memory words);

    /// @notice What `update` would return now.
    function peek() external view returns (Reading[7] memory readings);

    /// @notice The words that `update` would return now.
    function answers() external view returns (uint256[] memory);

    /// @notice Whether rounds stand still: the uptime feed says 1 (down), or 0 since less than the grace. A feed that
    /// is dead, or says anything else, counts as up.
    function down() external view returns (bool);

    /// @return The time since when the uptime feed says up; 0 where there is none, it is dead, or it says down.
    function upSince() external view returns (uint256);

    /// @notice Proposes another source, or other numbers for the same one, in place of any proposal before. Admin.
    function proposeSource(uint256 asset, uint256 index, SourceConfig calldata proposed) external;

    /// @notice Takes the proposal back. Admin.
    function dropSource(uint256 asset, uint256 index) external;

    /// @notice Puts the proposed source in place, once the delay of risk parameters, as it was at the proposal, is
    /// over. Anyone.
    function applySource(uint256 asset, uint256 index) external;

    /// @notice Leaves a source out from now on, where enough others remain for the quorum. Only a proposal brings it
    /// back. Guardian.
    function disableSource(uint256 asset, uint256 index) external;

    function config() external view returns (Config memory);

    /// @return Assets besides cash.
    function assetCount() external view returns (uint256);

    function assetConfig(uint256 asset)
        external
        view
        returns (uint8 decimals, uint16 jump, uint24 confirm, uint256 sources);

    function source(uint256 asset, uint256 index) external view returns (Source memory);

    /// @notice The proposal that waits; `readyAt` 0: there is none.
    function pendingSource(uint256 asset, uint256 index)
        external
        view
        returns (Source memory proposed, uint256 readyAt);

    /// @return Proposals that wait.
    function pendingSources() external view returns (uint256);

    function state(uint256 asset) external view returns (State memory);

    function rounds() external view returns (address);

    function governance() external view returns (address);

    function uptimeGrace() external view returns (uint256);

    /// @return The time of the deployment. It is the first of those contracts of a system whose events matter: a reader
    /// starts at the first block that is no older. Not a number of a block: on some rollups contracts see those of
    /// another chain.
    function deployedAt() external view returns (uint256);
}
