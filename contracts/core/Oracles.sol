// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

import {IGovernance} from "../interfaces/IGovernance.sol";
import {IOracles} from "../interfaces/IOracles.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISource} from "../interfaces/ISource.sol";
import {Quotes} from "../libraries/Quotes.sol";
import {SourceCall} from "../libraries/SourceCall.sol";

/// @title The oracles; see `IOracles` for what each function promises.
/// @dev Sources are called statically, with a bound of gas and of data: there is nothing to re-enter, and no answer
/// that reverts.
contract Oracles is IOracles {
    uint256 private constant GAS_MIN = 50_000;
    uint256 private constant GAS_MAX = 2_000_000;

    struct Proposal {
        Source source;
        uint40 readyAt;
    }

    /// @dev What a round makes of all answers, asset after asset.
    struct Progress {
        Reading[7] readings;
        uint256[] words;
        /// Words that there are.
        uint256 count;
        Quotes.Quote cash;
        bool cashHeld;
    }

    address private immutable DEPLOYER;
    uint256 private immutable CASH_DECIMALS;
    uint256 private immutable SOURCES;
    uint256 private immutable SOURCE_GAS;
    address private immutable UPTIME_FEED;
    /// @inheritdoc IOracles
    address public immutable governance;
    /// @inheritdoc IOracles
    uint256 public immutable assetCount;
    /// @inheritdoc IOracles
    uint256 public immutable uptimeGrace;
    /// @inheritdoc IOracles
    uint256 public immutable deployedAt;

    /// @inheritdoc IOracles
    address public rounds;
    /// @inheritdoc IOracles
    uint256 public pendingSources;
    Quotes.Asset[8] private _assets;
    Source[4][8] private _sources;
    mapping(uint256 asset => mapping(uint256 index => Proposal)) private _proposals;

    modifier onlyAdmin() {
        if (msg.sender != IGovernance(governance).admin()) revert NotAdmin();
        _;
    }

    modifier knownSource(uint256 asset, uint256 index) {
        if (asset > assetCount) revert UnknownAsset(asset);
        if (index >= _count(_assets[asset])) revert UnknownSource(asset, index);
        _;
    }

    /// @param assets Cash, whose sources may be none, and assets 1, 2, ... in order.
    constructor(Config memory c, AssetConfig[] memory assets) {
        if (c.governance == address(0)) revert InvalidConfig("governance");
        if (c.sourceGas < GAS_MIN || c.sourceGas > GAS_MAX) revert InvalidConfig("sourceGas");
        if (assets.length < 2 || assets.length > 8) revert InvalidConfig("assets");
        if (c.uptimeFeed == address(0) && c.uptimeGrace != 0) revert InvalidConfig("uptimeGrace");
        DEPLOYER = msg.sender;
        governance = c.governance;
        SOURCE_GAS = c.sourceGas;
        UPTIME_FEED = c.uptimeFeed;
        uptimeGrace = c.uptimeGrace;
        deployedAt = block.timestamp;
        assetCount = assets.length - 1;
        CASH_DECIMALS = assets[0].decimals;
        emit ConfigSet(c, assets[0].decimals);
        uint256 sources = 0;
        for (uint256 a = 0; a < assets.length; ++a) {
            _addAsset(a, assets[a]);
            sources += assets[a].sources.length;
        }
        SOURCES = sources;
    }

    /// @inheritdoc IOracles
    function bind(address rounds_) external {
        if (msg.sender != DEPLOYER) revert NotDeployer();
        if (rounds != address(0)) revert AlreadyBound();
        if (IRounds(rounds_).governance() != governance) revert InvalidConfig("rounds");
        rounds = rounds_;
        emit Bound(rounds_);
    }

    /// @inheritdoc IOracles
    function update() external returns (Reading[7] memory readings, uint256[] memory words) {
        if (msg.sender != rounds) revert NotRounds();
        Progress memory p = _begin();
        for (uint256 a = 0; a <= assetCount; ++a) {
            Quotes.Asset memory s = _assets[a];
            if (_count(s) == 0) continue;
            (uint256 heldSince, uint256 jumpSince) = (s.heldSince, s.jumpSince);
            uint256 jump = _step(p, a, s);
            _assets[a] = s;
            if (s.heldSince == 0) {
                if (heldSince != 0) emit Released(a, heldSince);
            } else if (heldSince == 0 || jumpSince != s.jumpSince) {
                emit Held(a, jump);
            }
        }
        return (p.readings, p.words);
    }

    /// @inheritdoc IOracles
    function peek() external view returns (Reading[7] memory) {
        return _look().readings;
    }

    /// @inheritdoc IOracles
    function answers() external view returns (uint256[] memory) {
        return _look().words;
    }

    /// @inheritdoc IOracles
    function down() external view returns (bool) {
        if (UPTIME_FEED == address(0)) return false;
        (bool ok, uint256[5] memory said) =
            SourceCall.ask(UPTIME_FEED, AggregatorV3Interface.latestRoundData.selector, SOURCE_GAS, 5);
        if (!ok) return false;
        (uint256 answer, uint256 startedAt) = (said[1], said[2]);
        if (answer == 1) return true;
        return answer == 0 && startedAt <= block.timestamp && block.timestamp - startedAt < uptimeGrace;
    }

    /// @inheritdoc IOracles
    function upSince() external view returns (uint256) {
        if (UPTIME_FEED == address(0)) return 0;
        (bool ok, uint256[5] memory said) =
            SourceCall.ask(UPTIME_FEED, AggregatorV3Interface.latestRoundData.selector, SOURCE_GAS, 5);
        return ok && said[1] == 0 && said[2] <= block.timestamp ? said[2] : 0;
    }

    /// @inheritdoc IOracles
    function proposeSource(uint256 asset, uint256 index, SourceConfig calldata proposed)
        external
        onlyAdmin
        knownSource(asset, index)
    {
        if (rounds == address(0)) revert NotBound();
        Source memory s = _checked(asset, index, proposed);
        _requireTimeWeights(asset, index, s.timeWeighted);
        Proposal storage p = _proposals[asset][index];
        if (p.readyAt == 0) ++pendingSources;
        uint256 readyAt = block.timestamp + IRounds(rounds).config().parameterDelay;
        (p.source, p.readyAt) = (s, uint40(readyAt));
        emit SourceProposed(asset, index, s, readyAt);
    }

    /// @inheritdoc IOracles
    function dropSource(uint256 asset, uint256 index) external onlyAdmin {
        if (_proposals[asset][index].readyAt == 0) revert NotProposed(asset, index);
        delete _proposals[asset][index];
        --pendingSources;
        emit SourceDropped(asset, index);
    }

    /// @inheritdoc IOracles
    function applySource(uint256 asset, uint256 index) external {
        Proposal memory p = _proposals[asset][index];
        if (p.readyAt == 0) revert NotProposed(asset, index);
        if (block.timestamp < p.readyAt) revert NotReady(p.readyAt);
        // The others may have changed since the proposal.
        _requireTimeWeights(asset, index, p.source.timeWeighted);
        delete _proposals[asset][index];
        --pendingSources;
        _sources[asset][index] = p.source;
        // What the former source said confirms nothing that this one says.
        _assets[asset].jumpSince = 0;
        emit SourceSet(asset, index, p.source);
    }

    /// @inheritdoc IOracles
    function disableSource(uint256 asset, uint256 index) external knownSource(asset, index) {
        if (msg.sender != IGovernance(governance).guardian()) revert NotGuardian();
        if (_sources[asset][index].disabled) revert UnknownSource(asset, index);
        uint256 count = _count(_assets[asset]);
        uint256 left = 0;
        for (uint256 i = 0; i < count; ++i) {
            Source storage s = _sources[asset][i];
            if (i != index && !s.disabled && !s.timeWeighted) ++left;
        }
        if (left < Quotes.quorum(count)) revert QuorumLost(asset);
        _sources[asset][index].disabled = true;
        emit SourceDisabled(asset, index);
    }

    /// @inheritdoc IOracles
    function config() external view returns (Config memory) {
        return Config(governance, uint32(SOURCE_GAS), UPTIME_FEED, uint32(uptimeGrace));
    }

    /// @inheritdoc IOracles
    function assetConfig(uint256 asset)
        external
        view
        returns (uint8 decimals, uint16 jump, uint24 confirm, uint256 sources)
    {
        if (asset > assetCount) revert UnknownAsset(asset);
        Quotes.Asset memory s = _assets[asset];
        return (s.flags >> 4, s.jump, s.confirm, _count(s));
    }

    /// @inheritdoc IOracles
    function source(uint256 asset, uint256 index) external view knownSource(asset, index) returns (Source memory) {
        return _sources[asset][index];
    }

    /// @inheritdoc IOracles
    function pendingSource(uint256 asset, uint256 index)
        external
        view
        knownSource(asset, index)
        returns (Source memory proposed, uint256 readyAt)
    {
        Proposal memory p = _proposals[asset][index];
        return (p.source, p.readyAt);
    }

    /// @inheritdoc IOracles
    function state(uint256 asset) external view returns (State memory) {
        if (asset > assetCount) revert UnknownAsset(asset);
        Quotes.Asset memory s = _assets[asset];
        return State(s.price, s.quote, s.heldSince, s.jumpSince, s.flags & Quotes.JUMP_UP != 0);
    }

    /// @dev As `update`, and stores nothing.
    function _look() private view returns (Progress memory p) {
        p = _begin();
        for (uint256 a = 0; a <= assetCount; ++a) {
            Quotes.Asset memory s = _assets[a];
            if (_count(s) != 0) _step(p, a, s);
        }
    }

    function _begin() private view returns (Progress memory p) {
        p.words = new uint256[](SOURCES);
        p.cash = Quotes.par();
    }

    /// @dev Asks the sources of an asset, and steps what is remembered of it. Cash comes first.
    /// @return jump The quote that waits for its confirmation; 0: none does.
    function _step(Progress memory p, uint256 asset, Quotes.Asset memory s) private view returns (uint256 jump) {
        Quotes.Answers memory said = _read(asset, s);
        Quotes.Quote memory q = Quotes.combine(said);
        for (uint256 i = 0; i < said.count; ++i) {
            p.words[p.count++] = _word(said, asset, i);
        }
        if (asset != 0) {
            (p.readings[asset - 1], jump) = Quotes.step(s, q, said.count, p.cash, p.cashHeld, block.timestamp);
        } else {
            jump = Quotes.stepCash(s, q, said.count, block.timestamp);
            p.cashHeld = s.heldSince != 0;
            if (!p.cashHeld) p.cash = q;
        }
    }

    function _read(uint256 asset, Quotes.Asset memory a) private view returns (Quotes.Answers memory said) {
        said.count = _count(a);
        for (uint256 i = 0; i < said.count; ++i) {
            Source memory s = _sources[asset][i];
            (said.deviations[i], said.timeWeighted[i]) = (s.deviation, s.timeWeighted);
            if (s.disabled) {
                said.faults[i] = Fault.Disabled;
                continue;
            }
            (bool ok, uint256[5] memory answer) = SourceCall.ask(s.source, ISource.read.selector, SOURCE_GAS, 4);
            said.faults[i] =
                ok ? Quotes.take(said, i, s, a.flags >> 4, CASH_DECIMALS, answer, block.timestamp) : Fault.NoAnswer;
        }
    }

    function _word(Quotes.Answers memory said, uint256 asset, uint256 i) private pure returns (uint256) {
        uint256 time = said.times[i] < type(uint40).max ? said.times[i] : type(uint40).max;
        return said.quotes[i] | said.confidences[i] << 64 | time << 128 | uint256(said.faults[i]) << 168 | i << 176
            | asset << 184;
    }

    function _count(Quotes.Asset memory s) private pure returns (uint256) {
        return s.flags & 7;
    }

    function _addAsset(uint256 asset, AssetConfig memory c) private {
        if (c.decimals > 8) revert InvalidConfig("decimals");
        uint256 count = c.sources.length;
        if (count > Quotes.MOST || (count == 0 && asset != 0)) revert InvalidConfig("sources");
        Quotes.Asset storage a = _assets[asset];
        (a.jump, a.confirm, a.flags) = (c.jump, c.confirm, uint8(uint256(c.decimals) << 4 | count));
        emit AssetSet(asset, c.decimals, c.jump, c.confirm, count);
        for (uint256 i = 0; i < count; ++i) {
            Source memory s = _checked(asset, i, c.sources[i]);
            _sources[asset][i] = s;
            emit SourceSet(asset, i, s);
        }
        if (count != 0) _requireTimeWeights(asset, 0, _sources[asset][0].timeWeighted);
    }

    /// @dev Of one or two sources all count for the quorum, of more all but one.
    function _requireTimeWeights(uint256 asset, uint256 index, bool timeWeighted) private view {
        uint256 count = _count(_assets[asset]);
        uint256 weighted = 0;
        for (uint256 i = 0; i < count; ++i) {
            if (i == index ? timeWeighted : _sources[asset][i].timeWeighted) ++weighted;
        }
        if (weighted > (count > 2 ? 1 : 0)) revert TimeWeighted(asset);
    }

    function _checked(uint256 asset, uint256 index, SourceConfig memory c) private view returns (Source memory) {
        (bool ok, uint256[5] memory said) = SourceCall.ask(c.source, ISource.decimals.selector, SOURCE_GAS, 1);
        uint256 decimals = said[0];
        if (!ok || decimals > 18) revert InvalidSource(asset, index);
        (ok, said) = SourceCall.ask(c.source, ISource.timeWeighted.selector, SOURCE_GAS, 1);
        if (!ok || said[0] > 1) revert InvalidSource(asset, index);
        if (c.heartbeat == 0 || c.deviation == 0 || c.deviation >= Quotes.ONE || c.maxConfidence >= Quotes.ONE) {
            revert InvalidSource(asset, index);
        }
        return Source({
            source: c.source,
            heartbeat: c.heartbeat,
            deviation: c.deviation,
            maxConfidence: c.maxConfidence,
            decimals: uint8(decimals),
            timeWeighted: said[0] == 1,
            disabled: false
        });
    }
}
