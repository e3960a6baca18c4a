// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {Lanes} from "../libraries/Lanes.sol";

/// @title The settlement's stacks: their heads, the envelopes that keep accounts safe in them, and whether all do.
abstract contract Slots is ISettlement {
    using Lanes for uint64[7];
    using Lanes for uint256[2];

    uint256 internal constant DISTRESS = 0;
    uint256 internal constant INBOX = 1;
    /// @dev Slots below this one have no envelope.
    uint256 internal constant FIRST_ENVELOPE = 2;

    struct Status {
        /// Bit s: slot s may be in a window. Slots 0 and 1 always may.
        uint64 opened;
        /// Bit s: the stack of slot s is not empty.
        uint64 occupied;
    }

    struct Envelope {
        uint256[2] floors;
        uint256[2] ceilings;
    }

    IRounds internal immutable ROUNDS;
    uint8 internal immutable SLOTS;

    Status internal _status;
    uint256[64] internal _heads;
    Envelope[64] internal _envelopes;

    constructor(IRounds rounds_, uint8 slots) {
        if (slots <= FIRST_ENVELOPE || slots > 64) revert InvalidConfig("slots");
        ROUNDS = rounds_;
        SLOTS = slots;
        _status.opened = 3;
    }

    /// @inheritdoc ISettlement
    function isCovered(uint256 slot) external view returns (bool) {
        if (slot < FIRST_ENVELOPE || slot >= SLOTS || _status.opened >> slot & 1 == 0 || ROUNDS.roundNumber() == 0) {
            return false;
        }
        (uint256[2] memory u, uint256[2] memory v) = ROUNDS.maintenance();
        return _contains(_envelopes[slot], u, v);
    }

    /// @inheritdoc ISettlement
    function isComplete() external view returns (bool) {
        return _isComplete(ROUNDS.roundNumber());
    }

    /// @inheritdoc ISettlement
    function head(uint256 slot) external view returns (uint256) {
        if (slot >= SLOTS) revert SlotOutOfRange(slot);
        return _heads[slot];
    }

    /// @inheritdoc ISettlement
    function heads() external view returns (uint256[] memory all) {
        all = new uint256[](SLOTS);
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            all[slot] = _heads[slot];
        }
    }

    /// @inheritdoc ISettlement
    function envelope(uint256 slot)
        external
        view
        returns (bool opened, uint64[7] memory floors, uint64[7] memory ceilings)
    {
        if (slot < FIRST_ENVELOPE || slot >= SLOTS) revert SlotOutOfRange(slot);
        Envelope memory e = _envelopes[slot];
        return (_status.opened >> slot & 1 == 1, e.floors.unpack(), e.ceilings.unpack());
    }

    function _open(Opening[] calldata openings) internal {
        for (uint256 i = 0; i < openings.length; ++i) {
            uint256 slot = openings[i].slot;
            if (slot < FIRST_ENVELOPE || slot >= SLOTS) revert SlotOutOfRange(slot);
            if (_heads[slot] != 0) revert SlotNotEmpty(slot);
            uint64[7] memory floors = openings[i].floors;
            uint64[7] memory ceilings = openings[i].ceilings;
            _envelopes[slot] = Envelope(floors.pack(), ceilings.pack());
            _status.opened |= uint64(1 << slot);
            emit EnvelopeOpened(slot, floors, ceilings);
        }
    }

    function _isComplete(uint256 round) internal view returns (bool) {
        uint256 occupied = _status.occupied;
        if (occupied & (1 << DISTRESS | 1 << INBOX) != 0 || round == 0) return false;
        (uint256[2] memory u, uint256[2] memory v) = ROUNDS.maintenance();
        for (uint256 slot = FIRST_ENVELOPE; occupied >> slot != 0; ++slot) {
            if (occupied >> slot & 1 == 1 && !_contains(_envelopes[slot], u, v)) return false;
        }
        return true;
    }

    /// @return The mask `occupied` with the slot's new bit.
    function _setHead(uint256 occupied, uint256 slot, uint256 newHead) internal returns (uint256) {
        _heads[slot] = newHead;
        return newHead == 0 ? occupied & ~(1 << slot) : occupied | 1 << slot;
    }

    function _contains(Envelope memory e, uint256[2] memory u, uint256[2] memory v) private pure returns (bool) {
        return u.allAtLeast(e.floors) && e.ceilings.allAtLeast(v);
    }
}
