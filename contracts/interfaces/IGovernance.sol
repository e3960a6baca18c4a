// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Terms} from "../libraries/TermsOrder.sol";

/// @title Who may do what: the operator, the admin and the guardian, how each hands over, and what the admin may
/// change.
/// @notice The operator settles. The admin proposes risk parameters (`IRounds`) and terms, and nominates operators and
/// guardians. The guardian may stop new risk for a while. None of them can move anybody's funds, or stop withdrawals,
/// top-ups, claims, forced requests or the escape.
interface IGovernance {
    enum Role {
        Operator,
        Admin,
        Guardian
    }

    struct Config {
        address admin;
        /// 0: there is none; the admin may nominate one.
        address guardian;
        /// Seconds from a nomination to the first moment at which it may be accepted.
        uint32 handoverDelay;
    }

    struct Nomination {
        address who;
        uint40 readyAt;
        /// Made by the admin: then the holder of another role cannot take it back.
        bool byAdmin;
    }

    /// @param who 0: the nomination before it was taken back.
    event Nominated(Role indexed role, address indexed who, uint256 readyAt);
    /// @notice Follows the nomination of an operator that is to bring this key of the sequencer's.
    event SequencerKeyNominated(uint256 x, uint256 y);
    /// @param from 0: the role's first holder, at the binding.
    event HandedOver(Role indexed role, address indexed from, address indexed to);
    /// @param what Bits, see `halt`.
    event HaltedUntil(uint8 what, uint256 until);
    event Resumed();
    event TermsProposed(Terms terms, uint256 readyAt);
    /// @notice Also at the binding.
    event TermsApplied(Terms terms);
    /// @notice The proposal that stood was taken back.
    event TermsDropped();
    event CapLowered(uint8 indexed asset, uint64 cap);
    event Bound(address settlement);

    error NotDeployer();
    error AlreadyBound();
    /// @notice Before the binding nobody changes anything.
    error NotBound();
    error InvalidConfig(string what);
    error NotAdmin();
    error NotGuardian();
    /// @notice Not the role's holder, nor the admin; or the admin's own nomination stands.
    error NotEntitled(Role role);
    error NotNominated(Role role);
    error NotReady(uint256 readyAt);
    /// @notice Nobody, or a key that is no canonical point of large order.
    error InvalidSequencer();
    /// @notice The operator was nominated with a key of the sequencer's: `acceptSequencer` takes both over.
    error KeyNominated();
    /// @notice The operator was nominated without a key, or none was: `accept` takes the role over.
    error NoKeyNominated();
    /// @notice Not the key that was nominated.
    error WrongKey();
    /// @notice Clocks out of order, or beyond what a change may lead to.
    error InvalidTerms(string what);
    /// @notice Not the terms that were proposed, or none were.
    error NotProposed();
    /// @notice The system is stalled, or was frozen: its terms do not change now.
    error Stalled();
    /// @notice There is no round that is fresh by the clocks before and after the change.
    error NoFreshRound();
    /// @notice Parameters of the asset wait for their delay, or for the round that applies them.
    error ParametersPending(uint256 asset);
    /// @notice Sources of prices wait for their delay, or for whoever puts them in place.
    error SourcesPending();
    error UnknownHalt(uint8 what);
    error NotHalted();
    /// @notice Seven days of the last 28 were halted.
    error HaltsUsedUp();
    /// @notice Sixteen halts ended in the last 28 days.
    error TooManyHalts();

    /// @notice Names the settlement, and by it the whole system, which must name this contract as its governance, and
    /// whose clocks must be in order. Deployer, once, last of all.
    function bind(address settlement_) external;

    /// @notice Nominates the next holder of a role, in place of any nomination before; 0 takes it back. The role's
    /// holder; of the operator and the guardian the admin too, whose nomination only the admin can replace.
    function nominate(Role role, address who) external;

    /// @notice Nominates the next operator, who may be the present one, together with the sequencer's next key, in
    /// place of any nomination of an operator before. Who may nominate an operator. The accounts that were opened under
    /// the keys before stay readable by these until they are rekeyed, and the next sequencer needs their secrets and
    /// the private state: they are handed over off the chain, before.
    function nominateSequencer(address who, uint256[2] calldata key) external;

    /// @notice Takes the role over. The nominee, `handoverDelay` after the nomination.
    function accept(Role role) external;

    /// @notice Takes over the operator's role and puts the sequencer's key in force that was nominated with it, which
    /// the nominee names: it has to have the secret. The nominee, `handoverDelay` after the nomination.
    function acceptSequencer(uint256[2] calldata key) external;

    /// @notice Stops new accounts (bit 0), new insurance (bit 1) and trades between accounts (bit 2), in place of any
    /// halt that runs, for as long as is left of seven days in any 28. Guardian.
    function halt(uint8 what) external;

    /// @notice Ends the last halt, where that was not done before. Guardian.
    function resume() external;

    /// @notice Proposes terms, in place of any proposal before. Admin, not during a stall.
    function proposeTerms(Terms calldata proposed) external;

    /// @notice Takes the proposal back. Admin.
    function dropTerms() external;

    /// @notice Makes the proposed terms those of the system, once the grace, notice and forced delay of the time of the
    /// proposal have passed together. Anyone, not during a stall, while the round is fresh and no asset's parameters
    /// wait.
    function applyTerms(Terms calldata proposed) external;

    /// @notice Lowers an asset's cap at once; a proposal that stands is taken back, as it has a cap too. Admin, not
    /// during a stall.
    function lowerCap(uint8 asset, uint64 cap) external;

    /// @notice Whether any of the bits is halted now.
    function halted(uint8 what) external view returns (bool);

    /// @return what The bits of the halt that runs; 0: none does. @return until When it ends.
    function haltedUntil() external view returns (uint8 what, uint256 until);

    /// @notice Seconds that a halt that began now could last.
    function haltLeft() external view returns (uint256);

    /// @notice The terms in force, as the contracts have them.
    function terms() external view returns (Terms memory);

    /// @return hash Of the proposal's ABI encoding; 0: there is none.
    function proposal() external view returns (bytes32 hash, uint256 readyAt);

    function nomination(Role role) external view returns (Nomination memory);

    /// @return The sequencer's key that was nominated with the operator that stands; zeros where there is none.
    function nominatedKey() external view returns (uint256[2] memory);

    function holder(Role role) external view returns (address);

    function operator() external view returns (address);

    function admin() external view returns (address);

    function guardian() external view returns (address);

    function handoverDelay() external view returns (uint256);

    function settlement() external view returns (address);
}
