// A candidate is not a setpoint, nor does it turn into one.
#include <luban/guard/guard.hpp>
#include <luban/process/trial.hpp>

namespace {
void write(const luban::guard::Setpoint& setpoint) {
  static_cast<void>(setpoint.values());
}
void apply(const luban::guard::Judgement& judgement, const luban::process::Candidate& candidate) {
#ifdef MUST_NOT_COMPILE
  write(candidate);
#else
  if (judgement.setpoint && candidate.acquisition > 0.0) write(*judgement.setpoint);
#endif
}
}  // namespace

int main() {
  return &apply == nullptr ? 1 : 0;
}
