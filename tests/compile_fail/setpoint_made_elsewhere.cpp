// A setpoint is made by the guard alone.
#include <luban/guard/guard.hpp>

namespace {
luban::guard::Judgement judge(const luban::guard::Guard& guard, const luban::guard::GuardRequest& request) {
#ifdef MUST_NOT_COMPILE
  return {{}, luban::guard::Setpoint({}, {}, request.cycle, request.sequence, request.deadline)};
#else
  return guard.judge(request);
#endif
}
}  // namespace

int main() {
  return &judge == nullptr ? 1 : 0;
}
