// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracles} from "../interfaces/IOracles.sol";
import {Quotes} from "../libraries/Quotes.sol";

/// @title The pure parts of `Oracles` over a path: one asset, and a cash with or without sources.
contract QuotesHarness {
    struct Step {
        uint256 time;
        /// Of four sources of cash, and four of the asset; 0 for no answer: all of them are 0 then.
        uint256[4][8] answers;
    }

    struct Result {
        IOracles.Reading reading;
        Quotes.Asset cash;
        Quotes.Asset asset;
        IOracles.Fault[8] faults;
    }

    /// @param sources As `Step.answers`.
    function path(Quotes.Asset[2] memory states, IOracles.Source[8] memory sources, Step[] memory steps)
        external
        pure
        returns (Result[] memory results)
    {
        results = new Result[](steps.length);
        for (uint256 k = 0; k < steps.length; ++k) {
            Result memory r = results[k];
            Quotes.Quote memory cash = Quotes.par();
            if (states[0].flags & 7 != 0) {
                Quotes.Answers memory said = _take(states, 0, sources, steps[k]);
                Quotes.Quote memory q = Quotes.combine(said);
                Quotes.stepCash(states[0], q, said.count, steps[k].time);
                if (states[0].heldSince == 0) cash = q;
                _copy(said, r.faults, 0);
            }
            Quotes.Answers memory answers = _take(states, 1, sources, steps[k]);
            Quotes.Quote memory quote = Quotes.combine(answers);
            (r.reading,) =
                Quotes.step(states[1], quote, answers.count, cash, states[0].heldSince != 0, steps[k].time);
            _copy(answers, r.faults, 4);
            for (uint256 a = 0; a < 2; ++a) {
                Quotes.Asset memory s = states[a];
                Quotes.Asset memory copy =
                    Quotes.Asset(s.price, s.quote, s.heldSince, s.jumpSince, s.jump, s.confirm, s.flags);
                if (a == 0) r.cash = copy;
                else r.asset = copy;
            }
        }
    }

    function _take(
        Quotes.Asset[2] memory states,
        uint256 a,
        IOracles.Source[8] memory sources,
        Step memory step
    ) private pure returns (Quotes.Answers memory said) {
        said.count = states[a].flags & 7;
        for (uint256 i = 0; i < said.count; ++i) {
            IOracles.Source memory source = sources[4 * a + i];
            (said.deviations[i], said.timeWeighted[i]) = (source.deviation, source.timeWeighted);
            uint256[4] memory w = step.answers[4 * a + i];
            uint256[5] memory answer = [w[0], w[1], w[2], w[3], 0];
            if (source.disabled) said.faults[i] = IOracles.Fault.Disabled;
            else if (w[0] | w[1] | w[2] | w[3] == 0) said.faults[i] = IOracles.Fault.NoAnswer;
            else {
                said.faults[i] = Quotes.take(
                    said, i, source, states[a].flags >> 4, states[0].flags >> 4, answer, step.time
                );
            }
        }
    }

    function _copy(Quotes.Answers memory said, IOracles.Fault[8] memory to, uint256 offset) private pure {
        for (uint256 i = 0; i < said.count; ++i) {
            to[offset + i] = said.faults[i];
        }
    }
}
