// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEscape} from "../interfaces/IEscape.sol";
import {IForced} from "../interfaces/IForced.sol";
import {IGovernance} from "../interfaces/IGovernance.sol";
import {IOracles} from "../interfaces/IOracles.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {Terms, TermsOrder} from "../libraries/TermsOrder.sol";

/// @title The roles; see `IGovernance` for what each function promises.
/// @dev Calls only contracts of its own deployment. The contracts hold the terms that they need; this one checks and
/// sets them.
contract Governance is IGovernance {
    uint256 private constant HALT_MAX = 7 days;
    uint256 private constant HALT_WINDOW = 28 days;
    /// @dev Spans of halts that are remembered: more in one window are refused.
    uint256 private constant SPANS = 16;
    uint8 private constant HALTS = 7;
    /// @dev The settlement holds this one itself, next to what it reads anyway.
    uint8 private constant TRADES = 4;

    struct Halt {
        uint8 what;
        uint40 from;
        uint40 until;
        /// Place of the next span.
        uint8 next;
    }

    struct Span {
        uint40 from;
        uint40 to;
    }

    struct Proposal {
        bytes32 hash;
        uint40 readyAt;
    }

    address private immutable DEPLOYER;
    /// @inheritdoc IGovernance
    uint256 public immutable handoverDelay;

    /// @inheritdoc IGovernance
    address public admin;
    /// @inheritdoc IGovernance
    address public guardian;
    /// @inheritdoc IGovernance
    address public settlement;
    IRounds private _rounds;
    IVault private _vault;
    IForced private _forced;
    IEscape private _escape;
    mapping(Role role => Nomination) private _nominations;
    /// @dev Of the sequencer, nominated with the operator that stands; zeros: none is.
    uint256[2] private _nominatedKey;
    Proposal private _proposal;
    Halt private _halt;
    Span[SPANS] private _spans;
    /// @dev At the deployment.
    uint96 private _openingFee;
    uint96 private _forcedFee;

    modifier onlyAdmin() {
        if (msg.sender != admin) revert NotAdmin();
        _;
    }

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian();
        _;
    }

    /// @dev Before the binding nobody but the deployer changes anything: what events say begins with it.
    modifier whenBound() {
        if (settlement == address(0)) revert NotBound();
        _;
    }

    modifier unstalled() {
        if (settlement == address(0)) revert NotBound();
        if (_vault.frozen() || _escape.stalledAtAll()) revert Stalled();
        _;
    }

    constructor(Config memory c) {
        if (c.admin == address(0)) revert InvalidConfig("admin");
        if (c.handoverDelay == 0 || c.handoverDelay > TermsOrder.WEEK) revert InvalidConfig("handoverDelay");
        DEPLOYER = msg.sender;
        admin = c.admin;
        guardian = c.guardian;
        handoverDelay = c.handoverDelay;
    }

    /// @inheritdoc IGovernance
    function bind(address settlement_) external {
        if (msg.sender != DEPLOYER) revert NotDeployer();
        if (settlement != address(0)) revert AlreadyBound();
        _vault = IVault(ISettlement(settlement_).vault());
        _rounds = IRounds(_vault.rounds());
        if (_rounds.governance() != address(this)) revert InvalidConfig("settlement");
        if (_vault.settlement() != settlement_) revert InvalidConfig("vault");
        _forced = IForced(_vault.forced());
        _escape = IEscape(_vault.escape());
        settlement = settlement_;
        Terms memory t = terms();
        _requireOrder(t);
        (_openingFee, _forcedFee) = (t.openingFee, t.forcedFee);
        emit Bound(settlement_);
        // From here on events alone say who holds which role, and which terms are in force.
        emit HandedOver(Role.Operator, address(0), operator());
        emit HandedOver(Role.Admin, address(0), admin);
        emit HandedOver(Role.Guardian, address(0), guardian);
        emit TermsApplied(t);
    }

    /// @inheritdoc IGovernance
    function nominate(Role role, address who) external whenBound {
        _nominate(role, who);
        if (role == Role.Operator) delete _nominatedKey;
    }

    /// @inheritdoc IGovernance
    function nominateSequencer(address who, uint256[2] calldata key) external whenBound {
        if (who == address(0) || !BabyJubJub.isKey(key[0], key[1])) revert InvalidSequencer();
        _nominate(Role.Operator, who);
        _nominatedKey = key;
        emit SequencerKeyNominated(key[0], key[1]);
    }

    /// @inheritdoc IGovernance
    function accept(Role role) external whenBound {
        if (role == Role.Operator && _nominatedKey[0] != 0) revert KeyNominated();
        _accept(role);
        if (role == Role.Admin) admin = msg.sender;
        else if (role == Role.Guardian) guardian = msg.sender;
        else ISettlement(settlement).setOperator(msg.sender);
    }

    /// @inheritdoc IGovernance
    function acceptSequencer(uint256[2] calldata key) external whenBound {
        if (_nominatedKey[0] == 0) revert NoKeyNominated();
        _accept(Role.Operator);
        if (key[0] != _nominatedKey[0] || key[1] != _nominatedKey[1]) revert WrongKey();
        delete _nominatedKey;
        ISettlement(settlement).setSequencer(msg.sender, key);
    }

    /// @inheritdoc IGovernance
    function halt(uint8 what) external whenBound onlyGuardian {
        if (what == 0 || what > HALTS) revert UnknownHalt(what);
        _end();
        uint256 left = haltLeft();
        if (left == 0) revert HaltsUsedUp();
        uint8 next = _halt.next;
        if (block.timestamp < _spans[next].to + HALT_WINDOW) revert TooManyHalts();
        uint256 until = block.timestamp + left;
        _halt = Halt(what, uint40(block.timestamp), uint40(until), next);
        emit HaltedUntil(what, until);
        if (what & TRADES != 0) ISettlement(settlement).haltTrades(uint40(until));
    }

    /// @inheritdoc IGovernance
    function resume() external whenBound onlyGuardian {
        if (_halt.what == 0) revert NotHalted();
        _end();
        emit Resumed();
    }

    /// @inheritdoc IGovernance
    function proposeTerms(Terms calldata proposed) external onlyAdmin unstalled {
        Terms memory from = terms();
        _requireOrder(proposed);
        _requireNone(TermsOrder.beyond(_openingFee, _forcedFee, from, proposed));
        uint256 readyAt = block.timestamp + from.grace + from.noticePeriod + from.forcedDelay;
        _proposal = Proposal(keccak256(abi.encode(proposed)), uint40(readyAt));
        emit TermsProposed(proposed, readyAt);
    }

    /// @inheritdoc IGovernance
    function dropTerms() external onlyAdmin {
        if (_proposal.hash == 0) revert NotProposed();
        delete _proposal;
        emit TermsDropped();
    }

    /// @inheritdoc IGovernance
    function applyTerms(Terms calldata t) external unstalled {
        if (_proposal.hash != keccak256(abi.encode(t))) revert NotProposed();
        if (block.timestamp < _proposal.readyAt) revert NotReady(_proposal.readyAt);
        // Live time counts a round's age up to `maxAge`: below both, it is the same before and after.
        (uint256 number, uint256 timestamp,) = _rounds.round();
        if (number == 0 || !_rounds.fresh() || block.timestamp - timestamp >= t.maxAge) revert NoFreshRound();
        _requireNoneProposed();
        delete _proposal;
        _rounds.setClocks(t.provingTime, t.roundMin, t.roundShort, t.maxAge, t.parameterDelay);
        _vault.setTerms(t.depositDelay, t.depositSpacing, t.openingFee, t.caps);
        _forced.setTerms(t.forcedDelay, t.forcedSpacing, t.expirySlack, t.forcedFee);
        _escape.setClocks(t.grace, t.noticePeriod);
        emit TermsApplied(t);
    }

    /// @inheritdoc IGovernance
    function lowerCap(uint8 asset, uint64 cap) external onlyAdmin unstalled {
        uint64[8] memory caps = terms().caps;
        if (asset > 7 || cap == 0 || cap >= caps[asset]) revert InvalidTerms("caps");
        if (_proposal.hash != 0) {
            delete _proposal;
            emit TermsDropped();
        }
        _vault.lowerCap(asset, cap);
        emit CapLowered(asset, cap);
    }

    /// @inheritdoc IGovernance
    function halted(uint8 what) external view returns (bool) {
        return _halt.what & what != 0 && block.timestamp < _halt.until;
    }

    /// @inheritdoc IGovernance
    function haltedUntil() external view returns (uint8 what, uint256 until) {
        if (block.timestamp < _halt.until) return (_halt.what, _halt.until);
    }

    /// @inheritdoc IGovernance
    /// @dev What was halted in the window that ends now; as a halt goes on, less of it is in the window, never more.
    function haltLeft() public view returns (uint256) {
        uint256 used = _overlap(_halt.from, _halt.until);
        for (uint256 i = 0; i < SPANS; ++i) {
            used += _overlap(_spans[i].from, _spans[i].to);
        }
        return used < HALT_MAX ? HALT_MAX - used : 0;
    }

    /// @inheritdoc IGovernance
    function terms() public view returns (Terms memory t) {
        IRounds.Config memory r = _rounds.config();
        (t.provingTime, t.roundMin, t.roundShort) = (r.provingTime, r.roundMin, r.roundShort);
        (t.maxAge, t.parameterDelay) = (r.maxAge, r.parameterDelay);
        IVault.Config memory v = _vault.config();
        (t.depositDelay, t.depositSpacing) = (v.depositDelay, v.depositSpacing);
        t.openingFee = uint96(v.openingFee);
        IForced.Config memory f = _forced.config();
        (t.forcedDelay, t.forcedSpacing, t.expirySlack) = (f.forcedDelay, f.forcedSpacing, f.expirySlack);
        t.forcedFee = uint96(f.forcedFee);
        IEscape.Config memory e = _escape.config();
        (t.grace, t.noticePeriod) = (e.grace, e.noticePeriod);
        for (uint8 a = 0; a < 8; ++a) {
            (,,, t.caps[a],,) = _vault.assetInfo(a);
        }
    }

    /// @inheritdoc IGovernance
    function proposal() external view returns (bytes32 hash, uint256 readyAt) {
        return (_proposal.hash, _proposal.readyAt);
    }

    /// @inheritdoc IGovernance
    function nomination(Role role) external view returns (Nomination memory) {
        return _nominations[role];
    }

    /// @inheritdoc IGovernance
    function nominatedKey() external view returns (uint256[2] memory) {
        return _nominatedKey;
    }

    /// @inheritdoc IGovernance
    function holder(Role role) public view returns (address) {
        if (role == Role.Admin) return admin;
        if (role == Role.Guardian) return guardian;
        return operator();
    }

    /// @inheritdoc IGovernance
    function operator() public view returns (address) {
        return settlement == address(0) ? address(0) : ISettlement(settlement).operator();
    }

    function _nominate(Role role, address who) private {
        bool byAdmin = msg.sender == admin;
        if (!byAdmin && (msg.sender != holder(role) || _nominations[role].byAdmin)) revert NotEntitled(role);
        uint256 readyAt = block.timestamp + handoverDelay;
        if (who == address(0)) delete _nominations[role];
        else _nominations[role] = Nomination(who, uint40(readyAt), byAdmin);
        emit Nominated(role, who, readyAt);
    }

    /// @dev Takes a nomination up; what it was for, the caller does.
    function _accept(Role role) private {
        Nomination memory n = _nominations[role];
        if (n.who != msg.sender) revert NotNominated(role);
        if (block.timestamp < n.readyAt) revert NotReady(n.readyAt);
        delete _nominations[role];
        emit HandedOver(role, holder(role), msg.sender);
    }

    /// @dev The span of the halt that ran last, until now at most, is remembered.
    function _end() private {
        Halt memory h = _halt;
        uint256 to = block.timestamp < h.until ? block.timestamp : h.until;
        delete _halt;
        if (h.what & TRADES != 0) ISettlement(settlement).haltTrades(0);
        // One of no length counts too: begun and ended around others' transactions, block after block, it stops them
        // all.
        if (h.what != 0) {
            _spans[h.next] = Span(h.from, uint40(to));
            h.next = uint8((h.next + 1) % SPANS);
        }
        _halt.next = h.next;
    }

    function _overlap(uint256 from, uint256 to) private view returns (uint256) {
        uint256 start = block.timestamp - HALT_WINDOW;
        if (from < start) from = start;
        if (to > block.timestamp) to = block.timestamp;
        return to > from ? to - from : 0;
    }

    /// @dev While rounds stand still for the uptime feed nobody can post one: that must not stall the system.
    function _requireOrder(Terms memory t) private view {
        _requireNone(TermsOrder.fault(t));
        if (_oracles().uptimeGrace() + t.roundMin >= t.grace) revert InvalidTerms("uptimeGrace");
    }

    function _oracles() private view returns (IOracles) {
        return IOracles(_rounds.config().oracles);
    }

    /// @dev The delay of parameters, and of sources, that wait is that of the terms under which they were proposed:
    /// longer clocks would have them apply before owners can be out.
    function _requireNoneProposed() private view {
        if (_oracles().pendingSources() != 0) revert SourcesPending();
        uint256 count = _rounds.assetCount();
        for (uint256 asset = 1; asset <= count; ++asset) {
            (, uint256 readyAt) = _rounds.pendingParameters(asset);
            if (readyAt != 0) revert ParametersPending(asset);
        }
    }

    function _requireNone(string memory fault) private pure {
        if (bytes(fault).length > 0) revert InvalidTerms(fault);
    }
}
