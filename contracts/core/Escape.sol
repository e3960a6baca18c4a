// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEscape} from "../interfaces/IEscape.sol";
import {IForced} from "../interfaces/IForced.sol";
import {IInsurance} from "../interfaces/IInsurance.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {ITreeVerifier, Proof} from "../interfaces/IVerifier.sol";
import {Layout} from "../libraries/Layout.sol";
import {Proofs} from "../libraries/Proofs.sol";
import {PublicVector} from "../libraries/PublicVector.sol";
import {TermsOrder} from "../libraries/TermsOrder.sol";

/// @title The escape; see `IEscape` for what each function promises.
/// @dev Sum of all accounts' equities and the backstop's, where that is positive, is the value of the last checkpoint
/// plus what the backstop was under water, less what takers got at a discount since, which the backstop bears as far as
/// it goes: the denominator. So the shares of each token add up to one, whatever is held of it.
contract Escape is IEscape {
    /// @dev Notice of a stall whose cause are feeds, together with what ran before they were.
    uint256 private constant FEED_NOTICE = TermsOrder.WEEK;
    /// @dev Places of the forced queue that are looked at for one that is overdue.
    uint256 private constant PLACES = 32;
    /// @dev Enough to ask every feed. With less, whoever steps could make feeds seem dead that are not; with no bound,
    /// one that burns all it gets could make a step too large for a transaction.
    uint256 private constant PROBE_GAS = 4_000_000;
    /// @dev So much before the call leaves that much for it: all but a 64th is passed on.
    uint256 private constant GAS_FOR_PROBE = PROBE_GAS + PROBE_GAS / 32;

    struct Notice {
        /// 0: none was declared.
        uint40 lastTick;
        uint40 elapsed;
        uint40 ofFeeds;
        /// Of the forced request that it is about: one that was requeued since is another cause.
        uint40 deadline;
    }

    struct Clocks {
        uint32 grace;
        uint32 noticePeriod;
    }

    IVault private immutable VAULT;
    IRounds private immutable ROUNDS;
    address private immutable GOVERNANCE;
    address private immutable SETTLEMENT;
    IForced private immutable FORCED;
    IInsurance private immutable INSURANCE;
    ITreeVerifier private immutable EXIT;

    Clocks private _clocks;
    /// @dev One for each cause, so that no cure of another interrupts it: 0 for the system's own, else a forced
    /// request.
    mapping(uint64 request => Notice) private _notices;
    uint64[8] private _holdings;
    /// @dev Of the holdings, to everybody; then to whom.
    uint64[8] private _given;
    uint256 private _denominator;
    /// @dev Of the backstop's equity, what left at a discount after the checkpoint.
    uint256 private _borne;
    mapping(uint32 index => Exit) private _exits;
    mapping(uint32 index => uint64[8]) private _givenToExit;
    mapping(address insurer => uint8) private _sharesPulled;
    mapping(address insurer => uint64[8]) private _givenToInsurer;
    mapping(uint256 withdrawalId => uint8) private _owedPulled;
    mapping(uint256 withdrawalId => uint64[8]) private _givenToOwed;

    modifier whenFrozen() {
        if (!VAULT.frozen()) revert NotFrozen();
        _;
    }

    constructor(Config memory c) {
        VAULT = IVault(c.vault);
        SETTLEMENT = c.settlement;
        FORCED = IForced(c.forced);
        INSURANCE = IInsurance(c.insurance);
        EXIT = ITreeVerifier(c.exitVerifier);
        ROUNDS = IRounds(VAULT.rounds());
        GOVERNANCE = ROUNDS.governance();
        _clocks = Clocks(c.grace, c.noticePeriod);
        if (ISettlement(c.settlement).vault() != c.vault) revert InvalidConfig("settlement");
        if (FORCED.vault() != c.vault) revert InvalidConfig("forced");
        if (INSURANCE.vault() != c.vault) revert InvalidConfig("insurance");
        if (EXIT.steps() != 1 || 4 ** EXIT.depth() != ISettlement(c.settlement).accountsMax()) {
            revert InvalidConfig("exitVerifier");
        }
        if (c.grace <= ROUNDS.maxAge() || c.grace > TermsOrder.WEEK) revert InvalidConfig("grace");
        if (c.noticePeriod < 4 || c.noticePeriod > TermsOrder.WEEK) revert InvalidConfig("noticePeriod");
        uint256 out = uint256(c.noticePeriod) + c.grace;
        if (FORCED.expirySlack() < out) revert InvalidConfig("expirySlack");
        if (ROUNDS.config().parameterDelay <= out + FORCED.config().forcedDelay) revert InvalidConfig("parameterDelay");
    }

    /// @inheritdoc IEscape
    function stalled(uint64 request) public view returns (bool late) {
        if (request != 0) {
            (late,) = FORCED.overdue(request);
        } else {
            uint256 last = VAULT.checkpointedAt();
            late = (last != 0 && block.timestamp - last > _clocks.grace) || VAULT.depositOverdue();
        }
    }

    /// @inheritdoc IEscape
    function stalledAtAll() external view returns (bool) {
        return stalled(0) || _forcedOverdue();
    }

    /// @inheritdoc IEscape
    function setClocks(uint32 grace, uint32 noticePeriod) external {
        if (msg.sender != GOVERNANCE) revert NotGovernance();
        _clocks = Clocks(grace, noticePeriod);
    }

    /// @inheritdoc IEscape
    function declareStall(uint64 request) external {
        if (VAULT.frozen()) revert AlreadyFrozen();
        if (!stalled(request)) revert NotStalled();
        if (_declared(request)) revert AlreadyDeclared();
        _notices[request] = Notice(uint40(block.timestamp), 0, 0, _deadline(request));
        emit StallDeclared(request, VAULT.epochs());
    }

    /// @inheritdoc IEscape
    function tick(uint64 request) external {
        if (!_declared(request)) revert NotDeclared();
        if (VAULT.frozen()) revert AlreadyFrozen();
        if (stalled(request)) _count(request);
        else _void(request);
    }

    /// @inheritdoc IEscape
    function onCheckpoint() external {
        if (msg.sender != address(VAULT)) revert NotVault();
        if (_declared(0) && !stalled(0)) _void(0);
    }

    /// @inheritdoc IEscape
    function freeze(uint64 request) external {
        if (VAULT.frozen()) revert AlreadyFrozen();
        if (!_declared(request)) revert NotDeclared();
        if (!stalled(request)) revert NotStalled();
        (uint256 elapsed, uint256 ofFeeds) = _count(request);
        if (elapsed < _clocks.noticePeriod && elapsed + ofFeeds < FEED_NOTICE) revert NoticeRunning(elapsed, ofFeeds);
        IVault.Checkpoint memory c = VAULT.lastCheckpoint();
        if (c.equity < 0) {
            _denominator = c.value + uint256(-c.equity);
        } else {
            uint256 lost = IMarket(VAULT.market()).loss();
            _borne = lost < uint256(c.equity) ? lost : uint256(c.equity);
            // Balances of a trusted import are in the equity, and not in the value.
            _denominator = c.value > _borne ? c.value - _borne : 0;
        }
        _holdings = VAULT.freeze();
        emit FreezeDone(_holdings, _denominator);
    }

    /// @inheritdoc IEscape
    function exit(uint32 index, address recipient, uint256 equity, uint256 digest, Proof calldata proof)
        external
        whenFrozen
    {
        if (_exits[index].exited) revert AlreadyExited(index);
        if (equity >= PublicVector.R || digest >= PublicVector.R) revert ValueNotInField();
        IVault.Checkpoint memory c = VAULT.lastCheckpoint();
        uint256[] memory d = new uint256[](Layout.EXIT_LENGTH + 1);
        d[Layout.EXIT_ROOT] = c.root;
        d[Layout.EXIT_CHAIN_ID] = block.chainid;
        d[Layout.EXIT_SETTLEMENT] = uint160(SETTLEMENT);
        d[Layout.EXIT_INDEX] = index;
        d[Layout.EXIT_RECIPIENT] = uint160(recipient);
        d[Layout.EXIT_EQUITY] = equity;
        for (uint256 a = 0; a < 7; ++a) {
            d[Layout.EXIT_PRICES + a] = c.prices[a];
        }
        d[Layout.EXIT_LENGTH] = digest;
        (uint256 z, uint256 y) = PublicVector.evaluate(d, 1);
        if (!Proofs.verify(EXIT, [digest, z, y], proof)) revert InvalidProof();
        _exits[index] = Exit(recipient, 0, true, equity);
        emit Exited(index, recipient, equity);
    }

    /// @inheritdoc IEscape
    function pull(uint32 index, uint8 asset) external whenFrozen {
        Exit memory e = _exits[index];
        if (!e.exited) revert NotExited(index);
        uint64 due = _give(asset, e.equity, e.pulled >> asset & 1 == 1, _givenToExit[index]);
        _exits[index].pulled = uint8(e.pulled | 1 << asset);
        uint256 tokenAmount = VAULT.payShare(asset, e.recipient, due, false);
        emit Pulled(index, asset, tokenAmount);
    }

    /// @inheritdoc IEscape
    function pullShares(uint8 asset) external whenFrozen {
        uint256 pulled = _sharesPulled[msg.sender];
        (, uint256 first, uint256 equity) = _backstop();
        (uint256 shares, uint256 total) = INSURANCE.sharesOf(msg.sender);
        uint256 owned = total > 0 ? (equity - (first << 32)) * shares / total : 0;
        uint64 due = _give(asset, owned, pulled >> asset & 1 == 1, _givenToInsurer[msg.sender]);
        _sharesPulled[msg.sender] = uint8(pulled | 1 << asset);
        uint256 tokenAmount = VAULT.payShare(asset, msg.sender, due, true);
        emit SharesPulled(msg.sender, asset, tokenAmount);
    }

    /// @inheritdoc IEscape
    function pullOwed(uint256 withdrawalId, uint8 asset) external whenFrozen {
        uint256 pulled = _owedPulled[withdrawalId];
        (uint256 repaid, uint256 first,) = _backstop();
        uint256 owed = INSURANCE.owedTo(withdrawalId, repaid + first) - INSURANCE.owedTo(withdrawalId, repaid);
        uint64 due = _give(asset, owed << 32, pulled >> asset & 1 == 1, _givenToOwed[withdrawalId]);
        _owedPulled[withdrawalId] = uint8(pulled | 1 << asset);
        uint256 tokenAmount = VAULT.payShare(asset, VAULT.withdrawal(withdrawalId).recipient, due, true);
        emit OwedPulled(withdrawalId, asset, tokenAmount);
    }

    /// @inheritdoc IEscape
    function notice(uint64 request)
        external
        view
        returns (bool declared, uint256 elapsed, uint256 ofFeeds, uint256 lastTick)
    {
        Notice memory n = _notices[request];
        if (_declared(request)) return (true, n.elapsed, n.ofFeeds, n.lastTick);
    }

    /// @inheritdoc IEscape
    function snapshot() external view returns (uint64[8] memory holdings, uint256 denominator) {
        return (_holdings, _denominator);
    }

    /// @inheritdoc IEscape
    function exitOf(uint32 index) external view returns (Exit memory) {
        return _exits[index];
    }

    /// @inheritdoc IEscape
    function config() external view returns (Config memory) {
        return Config({
            vault: address(VAULT),
            settlement: SETTLEMENT,
            forced: address(FORCED),
            insurance: address(INSURANCE),
            exitVerifier: address(EXIT),
            grace: _clocks.grace,
            noticePeriod: _clocks.noticePeriod
        });
    }

    /// @inheritdoc IEscape
    function vault() external view returns (address) {
        return address(VAULT);
    }

    /// @return repaid Of what was ever owed to cut withdrawals, cash.
    /// @return first What is still owed, as far as the backstop's equity goes.
    /// @return equity The backstop's at the checkpoint, where positive, less what it bears, 2^32 scale.
    function _backstop() private view returns (uint256 repaid, uint256 first, uint256 equity) {
        int256 worth = VAULT.lastCheckpoint().equity;
        if (worth > 0) equity = uint256(worth) - _borne;
        uint256 total;
        (total, repaid) = INSURANCE.owed();
        first = total - repaid;
        if (first > equity >> 32) first = equity >> 32;
    }

    function _declared(uint64 request) private view returns (bool) {
        Notice memory n = _notices[request];
        return n.lastTick != 0 && n.deadline == _deadline(request);
    }

    function _deadline(uint64 request) private view returns (uint40 deadline) {
        if (request != 0) (, deadline) = FORCED.overdue(request);
    }

    function _void(uint64 request) private {
        delete _notices[request];
        emit DeclarationVoid(request);
    }

    /// @dev Time in which nobody could send a transaction counts for a quarter at most: after an outage of the chain,
    /// three more steps and as many quarters lie before a freeze.
    function _count(uint64 request) private returns (uint256 elapsed, uint256 ofFeeds) {
        Notice memory n = _notices[request];
        bool feeds = request == 0 && _ofFeeds();
        uint256 since = block.timestamp - n.lastTick;
        uint256 most = (feeds ? FEED_NOTICE : _clocks.noticePeriod) / 4;
        if (since > most) since = most;
        if (feeds) n.ofFeeds += uint40(since);
        else n.elapsed += uint40(since);
        n.lastTick = uint40(block.timestamp);
        _notices[request] = n;
        (elapsed, ofFeeds) = (n.elapsed, n.ofFeeds);
        emit Ticked(request, elapsed, ofFeeds);
    }

    /// @return Whether the feeds stop the rounds now, and nothing waits but what rounds are needed for.
    function _ofFeeds() private view returns (bool) {
        if (VAULT.depositOverdue() || _forcedOverdue()) return false;
        if (gasleft() < GAS_FOR_PROBE) revert GasTooLow(GAS_FOR_PROBE);
        try ROUNDS.readPrices{gas: PROBE_GAS}() returns (uint64[7] memory) {
            return false;
        } catch {
            return true;
        }
    }

    /// @return Whether one of the first requests of the queue is overdue. Behind many that nobody can serve, one that
    /// is has a notice of its own all the same.
    function _forcedOverdue() private view returns (bool) {
        (uint256 place, uint256 end) = FORCED.queue();
        if (end > place + PLACES) end = place + PLACES;
        for (; place < end; ++place) {
            (bool late,) = FORCED.overdue(FORCED.numberAt(place));
            if (late) return true;
        }
        return false;
    }

    /// @dev What a token lost while the vault held it is everybody's loss, and what comes back is everybody's gain: so
    /// the balance is looked at by every pull, and what a share has grown by since the last is due as well. That is
    /// done token by token, so that one that does not answer stops only itself.
    function _give(uint8 asset, uint256 equity, bool pulled, uint64[8] storage given) private returns (uint64 due) {
        if (asset > 7) revert NotSpot(asset);
        (address token,,,,,) = VAULT.assetInfo(asset);
        if (token == address(0)) revert NotSpot(asset);
        uint256 holding = _holdings[asset];
        uint256 lost = VAULT.shortfall(asset);
        if (lost < holding && _denominator > 0) {
            uint256 share = (holding - lost) * equity / _denominator;
            uint256 had = given[asset];
            uint256 left = holding - _given[asset];
            // Where others pulled before a loss, less may be left than a share.
            left = left > lost ? left - lost : 0;
            uint256 more = share > had ? share - had : 0;
            due = uint64(more < left ? more : left);
        }
        if (pulled && due == 0) revert AlreadyPulled();
        given[asset] += due;
        _given[asset] += due;
    }
}
