#pragma once

#include <memory>
#include <string>
#include <vector>

#include <luban/guard/export.hpp>
#include <luban/guard/options.hpp>
#include <luban/guard/request.hpp>
#include <luban/guard/setpoint.hpp>
#include <luban/guard/verdict.hpp>
#include <luban/process/envelope.hpp>
#include <luban/process/process.hpp>

namespace luban::guard {

namespace detail {
struct Plan;
struct Picture;
}  // namespace detail

/// SHA-256 of an envelope's canonical JSON, 64 lower-case digits.
[[nodiscard]] LUBAN_GUARD_EXPORT std::string digest_of(const process::TrainingEnvelope& envelope);

/// Judges proposals for one process. Immutable, without clock, memory, file or randomness: equal requests get equal
/// answers. It is no protective system and stands in for none: interlocks and trips stay in the plant.
class LUBAN_GUARD_EXPORT Guard {
 public:
  /// `envelope_digest` pins the envelope: it was noted when the loop was armed and never comes with a recommendation.
  /// A parameter without operating limits may not leave its search range.
  /// @throws IntegrityError when the envelope has another digest; ConfigurationError on options out of range, on a
  /// process without parameters, or on an envelope that does not cover the process's parameters and context.
  Guard(const process::Process& process, const process::TrainingEnvelope& envelope, const std::string& envelope_digest,
        GuardOptions options = {});

  /// Checks in this order, the first that finds something decides: freshness and quality, validity, time and order,
  /// novelty, changes by others, dwell, limits ∩ rates ∩ parameter constraints, deadband.
  [[nodiscard]] Judgement judge(const GuardRequest& request) const;

  /// One move towards the most specific golden set of the request's context, by the same checks and limiter. The
  /// request's proposal and inputs are not read and novelty is not judged: this is the way out when those fail.
  [[nodiscard]] Judgement fallback(const std::vector<process::GoldenSet>& golden, const GuardRequest& request) const;

  [[nodiscard]] const GuardOptions& options() const noexcept;
  [[nodiscard]] const std::string& envelope_digest() const noexcept;
  [[nodiscard]] double novelty_threshold() const noexcept;  ///< distance beyond which a point is new

 private:
  [[nodiscard]] Judgement move(const GuardRequest& request, const detail::Picture& picture, bool judge_novelty) const;
  std::shared_ptr<const detail::Plan> plan_;
};

}  // namespace luban::guard
