#include <luban/control/state.hpp>

#include <algorithm>
#include <functional>
#include <limits>

#include <luban/control/detail/names.hpp>
#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>

namespace luban::control {

namespace {

constexpr std::int64_t format = 1;

[[noreturn]] void damaged(std::string expected, std::string received, std::string place) {
  throw core::IntegrityError({.where = "control.ControllerState",
                              .expected = std::move(expected),
                              .received = std::move(received),
                              .place = std::move(place),
                              .hint = "the loop stays tripped until a supervisor resets it"});
}

void require(bool right, const char* expected, const char* place) {
  if (!right) damaged(expected, "another", place);
}

core::Json names_of(const Reasons& reasons) {
  core::Json out = core::Json::array();
  for (const ControlReason code : reasons) out.push_back(name(code));
  return out;
}

Reasons reasons_of(const core::Json& json) {
  Reasons out;
  for (const std::string& text : json.as_strings()) out.push_back(reason_of(text));
  return out;
}

int counter(const core::Json& json, const char* key) {
  const std::int64_t value = json.at(key).as_int();
  require(value >= 0 && value <= std::numeric_limits<int>::max(), "a count", key);
  return static_cast<int>(value);
}

core::Nanoseconds held(const core::Json& json, const char* key) {
  const core::Nanoseconds value{json.at(key).as_int()};
  require(value >= does_not_hold, "a duration, or -1", key);
  return value;
}

bool ascending(const std::vector<std::string>& names) {
  return std::adjacent_find(names.begin(), names.end(), std::greater_equal<>()) == names.end();
}

/// What no sequence of events leads to was not written by us.
void require_consistent(const ControllerState& state) {
  require(may_stand(state.requested, state.achieved), "modes that go together", "requested, achieved");
  require((state.achieved == ControlMode::tripped) == !state.trip_causes.empty(), "causes if and only if tripped",
          "trip_causes");
  require(state.offered.empty() || state.achieved == ControlMode::advisory, "an offer in advisory only", "offered");
  require(state.approved.empty() || state.approved == state.offered, "what is on offer", "approved");
  require(ascending(state.released), "names in ascending order", "released");
  require(!state.requested_reasons.empty(), "a reason", "requested_reasons");
  require(!state.achieved_reasons.empty(), "a reason", "achieved_reasons");
  require(state.shadow_cycles >= 0, "a count", "shadow_cycles");
  require(state.ready_for <= does_not_hold || state.readable_for > does_not_hold, "ready only when readable",
          "ready_for");
}

ControllerState read(const core::Json& json) {
  ControllerState out;
  out.requested = control_mode_of(json.at("requested").as_string());
  out.achieved = control_mode_of(json.at("achieved").as_string());
  out.requested_reasons = reasons_of(json.at("requested_reasons"));
  out.achieved_reasons = reasons_of(json.at("achieved_reasons"));
  for (const core::Json& cause : json.at("trip_causes").as_array()) {
    out.trip_causes.push_back(
        {.reason = reason_of(cause.at("reason").as_string()), .present = cause.at("present").as_bool()});
  }
  out.released = json.at("released").as_strings();
  out.offered = json.at("offered").as_string();
  out.approved = json.at("approved").as_string();
  out.model = json.at("model").as_string();
  out.readable_for = held(json, "readable_for");
  out.ready_for = held(json, "ready_for");
  out.troubled_cycles = counter(json, "troubled_cycles");
  out.hold_cycles = counter(json, "hold_cycles");
  out.failed_writes = counter(json, "failed_writes");
  out.shadow_cycles = json.at("shadow_cycles").as_int();
  out.unmet = reasons_of(json.at("unmet"));
  return out;
}

std::string digest_of(const core::Json& state) {
  return core::Sha256().update("luban controller state\n").update(state.dump()).hex();
}

}  // namespace

core::Json ControllerState::to_json() const {
  core::Json causes = core::Json::array();
  for (const TripCause& cause : trip_causes) {
    core::Json item = core::Json::object();
    item.set("reason", name(cause.reason)).set("present", cause.present);
    causes.push_back(std::move(item));
  }
  core::Json out = core::Json::object();
  out.set("requested", name(requested)).set("achieved", name(achieved));
  out.set("requested_reasons", names_of(requested_reasons)).set("achieved_reasons", names_of(achieved_reasons));
  out.set("trip_causes", std::move(causes)).set("released", released);
  out.set("offered", offered).set("approved", approved).set("model", model);
  out.set("readable_for", readable_for.count()).set("ready_for", ready_for.count());
  out.set("troubled_cycles", troubled_cycles).set("hold_cycles", hold_cycles);
  out.set("failed_writes", failed_writes).set("shadow_cycles", shadow_cycles);
  out.set("unmet", names_of(unmet));
  return out;
}

ControllerState ControllerState::from_json(const core::Json& json) {
  try {
    ControllerState out = read(json);
    if (out.to_json() != json) damaged("the keys of a state and no others", "others", {});
    require_consistent(out);
    return out;
  } catch (const core::DataError& error) {
    damaged(error.detail().expected, error.detail().received, "state");
  }
}

std::string ControllerState::to_text() const {
  core::Json state = to_json();
  core::Json out = core::Json::object();
  const std::string digest = digest_of(state);
  out.set("luban_controller_state", format).set("state", std::move(state)).set("sha256", digest);
  return out.dump();
}

ControllerState ControllerState::from_text(std::string_view text) {
  try {
    const core::Json json = core::Json::parse(text);
    if (json.at("luban_controller_state").as_int() != format) damaged("format 1", "another", {});
    const core::Json& state = json.at("state");
    if (json.at("sha256").as_string() != digest_of(state)) damaged("the digest of the state", "another", "sha256");
    ControllerState out = from_json(state);
    if (out.to_text() != text) damaged("text as it was written", "another spelling", {});
    return out;
  } catch (const core::DataError& error) {
    damaged(error.detail().expected, error.detail().received, {});
  }
}

}  // namespace luban::control
