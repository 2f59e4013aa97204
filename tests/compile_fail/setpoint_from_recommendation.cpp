// A recommendation is not a setpoint, nor does it turn into one.
#include <luban/guard/guard.hpp>
#include <luban/process/trial.hpp>

namespace {
void write(const luban::guard::Setpoint& setpoint) {
  static_cast<void>(setpoint.values());
}
void apply(const luban::guard::Judgement& judgement, const luban::process::Recommendation& recommendation) {
#ifdef MUST_NOT_COMPILE
  write(recommendation);
#else
  if (judgement.setpoint && !recommendation.stay) write(*judgement.setpoint);
#endif
}
}  // namespace

int main() {
  return &apply == nullptr ? 1 : 0;
}
