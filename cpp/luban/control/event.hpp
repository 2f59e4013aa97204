#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <luban/control/export.hpp>
#include <luban/control/mode.hpp>
#include <luban/control/role.hpp>

namespace luban::control {

enum class InputQuality { good, bad };
enum class RecommendationState { fresh, late, none };
/// What the guard says of what would be written in this cycle; none = it was not asked, stay = the line stands where it
/// should, or moved a moment ago: a hold for no other finding than that, and no trouble.
enum class GuardDecision { none, accept, clamp, stay, hold, reject };
/// What became of the write since the last cycle; none = there was none.
enum class WriteOutcome { none, confirmed, unconfirmed, partial, rejected };
enum class OptimizerState { alive, late, dead };
enum class GoldenState { none, available, reached };

inline constexpr std::array input_qualities{InputQuality::good, InputQuality::bad};
inline constexpr std::array recommendation_states{RecommendationState::fresh, RecommendationState::late,
                                                  RecommendationState::none};
inline constexpr std::array guard_decisions{GuardDecision::none, GuardDecision::accept, GuardDecision::clamp,
                                            GuardDecision::stay, GuardDecision::hold,   GuardDecision::reject};
inline constexpr std::array write_outcomes{WriteOutcome::none, WriteOutcome::confirmed, WriteOutcome::unconfirmed,
                                           WriteOutcome::partial, WriteOutcome::rejected};
inline constexpr std::array optimizer_states{OptimizerState::alive, OptimizerState::late, OptimizerState::dead};
inline constexpr std::array golden_states{GoldenState::none, GoldenState::available, GoldenState::reached};

[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(InputQuality value) noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(RecommendationState value) noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(GuardDecision value) noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(WriteOutcome value) noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(OptimizerState value) noexcept;
[[nodiscard]] LUBAN_CONTROL_EXPORT std::string_view name(GoldenState value) noexcept;

/// One cycle and what is known in it. A fact that nobody states counts as its worst.
struct LUBAN_CONTROL_EXPORT Cycle {
  InputQuality inputs = InputQuality::bad;
  RecommendationState recommendation = RecommendationState::none;
  std::string recommendation_id{};  ///< of the one that would be written
  GuardDecision guard = GuardDecision::none;
  WriteOutcome write = WriteOutcome::none;
  OptimizerState optimizer = OptimizerState::dead;
  GoldenState golden = GoldenState::none;  ///< for the present recipe
  bool journal_writable = false;
  bool plant_connected = false;
  bool plant_trip = false;         ///< the plant itself asks the loop to let go
  bool drift = false;              ///< an alarm of a drift detector or of calibration tracking stands
  std::vector<std::string> moved;  ///< variables that somebody else set; a name that is not planned counts as critical
};

/// A person asks for more authority. The second person matters from advisory to closed on a real plant.
struct LUBAN_CONTROL_EXPORT RaiseRequest {
  ControlMode mode = ControlMode::shadow;
  std::string person{};
  PersonRole role = PersonRole::none;
  std::string second_person{};
  PersonRole second_role = PersonRole::none;
};

/// Anybody asks for less authority.
struct LUBAN_CONTROL_EXPORT LowerRequest {
  ControlMode mode = ControlMode::off;
  std::string person{};
};

/// Anybody stops the loop so that it stays stopped.
struct LUBAN_CONTROL_EXPORT TripRequest {
  std::string person{};
};

/// A person acknowledges a trip.
struct LUBAN_CONTROL_EXPORT ResetRequest {
  std::string person{};
  PersonRole role = PersonRole::none;
};

/// A person approves one recommendation that is on offer; it may be written in the next cycle.
struct LUBAN_CONTROL_EXPORT ApproveRequest {
  std::string recommendation_id{};
  std::string person{};
  PersonRole role = PersonRole::none;
};

/// A person gives a released variable back to the loop.
struct LUBAN_CONTROL_EXPORT EngageRequest {
  std::string variable{};
  std::string person{};
  PersonRole role = PersonRole::none;
};

/// A loop file or a command line wishes a mode at the start. It never raises above shadow on a real plant.
struct LUBAN_CONTROL_EXPORT FileRequest {
  ControlMode mode = ControlMode::shadow;
};

/// The process that steps the controller was started again.
struct LUBAN_CONTROL_EXPORT Restarted {};

using Event = std::variant<Cycle, RaiseRequest, LowerRequest, TripRequest, ResetRequest, ApproveRequest, EngageRequest,
                           FileRequest, Restarted>;

}  // namespace luban::control
