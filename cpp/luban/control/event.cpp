#include <luban/control/event.hpp>

#include <cstddef>

namespace luban::control {

namespace {

template <std::size_t N, typename E>
std::string_view pick(const std::array<std::string_view, N>& names, E value) noexcept {
  return names[static_cast<std::size_t>(value)];
}

constexpr std::array<std::string_view, input_qualities.size()> inputs{"good", "bad"};
constexpr std::array<std::string_view, recommendation_states.size()> recommendations{"fresh", "late", "none"};
constexpr std::array<std::string_view, guard_decisions.size()> guards{"none", "accept", "clamp",
                                                                      "stay", "hold",   "reject"};
constexpr std::array<std::string_view, write_outcomes.size()> writes{"none", "confirmed", "unconfirmed", "partial",
                                                                     "rejected"};
constexpr std::array<std::string_view, optimizer_states.size()> optimizers{"alive", "late", "dead"};
constexpr std::array<std::string_view, golden_states.size()> goldens{"none", "available", "reached"};

}  // namespace

std::string_view name(InputQuality value) noexcept {
  return pick(inputs, value);
}
std::string_view name(RecommendationState value) noexcept {
  return pick(recommendations, value);
}
std::string_view name(GuardDecision value) noexcept {
  return pick(guards, value);
}
std::string_view name(WriteOutcome value) noexcept {
  return pick(writes, value);
}
std::string_view name(OptimizerState value) noexcept {
  return pick(optimizers, value);
}
std::string_view name(GoldenState value) noexcept {
  return pick(goldens, value);
}

}  // namespace luban::control
