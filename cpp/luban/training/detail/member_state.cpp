#include <luban/training/detail/member_state.hpp>

#include <cstdint>
#include <utility>
#include <variant>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/surrogate/artefact.hpp>

namespace luban::training::detail {

namespace {

constexpr const char* key = "training_member";

surrogate::Tensor tensor(const std::vector<double>& values) {
  return {.shape = {static_cast<std::int64_t>(values.size())}, .values = values};
}

[[noreturn]] void refuse(const std::string& expected, const std::string& received, const std::filesystem::path& path) {
  throw core::IntegrityError({.where = "training.checkpoint",
                              .expected = expected,
                              .received = received,
                              .place = path.string(),
                              .hint = "remove the file: the member then starts anew"});
}

std::vector<double> values(const surrogate::Artefact& artefact, const std::string& name, std::size_t size,
                           const std::filesystem::path& path) {
  const auto found = artefact.tensors.find(name);
  const auto* out = found == artefact.tensors.end() ? nullptr : std::get_if<std::vector<double>>(&found->second.values);
  if (out == nullptr || out->size() != size) refuse(std::to_string(size) + " numbers of " + name, "others", path);
  return *out;
}

}  // namespace

std::optional<MemberState> MemberStore::load(const std::string& name, std::size_t size) const {
  if (!keeps()) return std::nullopt;
  const std::filesystem::path path = options_.folder / (name + member_suffix);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const surrogate::Artefact artefact = surrogate::Artefact::load(path);
  MemberState out;
  try {
    const core::Json& json = artefact.metadata.at(key);
    out.epoch = static_cast<int>(json.at("epoch").as_int());
    out.best_epoch = static_cast<int>(json.at("best_epoch").as_int());
    out.best_loss = json.at("best_loss").as_double();
    out.finished = json.at("finished").as_bool();
  } catch (const core::DataError& error) {
    refuse(error.detail().expected, error.detail().received, path);
  }
  if (out.epoch < 0 || out.best_epoch < 0 || out.best_epoch > out.epoch) refuse("epochs in order", "others", path);
  out.best_parameters = values(artefact, "best_parameters", size, path);
  if (out.finished) return out;
  out.parameters = values(artefact, "parameters", size, path);
  out.first_moment = values(artefact, "first_moment", size, path);
  out.second_moment = values(artefact, "second_moment", size, path);
  return out;
}

void MemberStore::save(const std::string& name, const MemberState& state) const {
  if (!keeps()) return;
  std::error_code failed;
  std::filesystem::create_directories(options_.folder, failed);
  if (failed) {
    throw core::IoError({.where = "training.checkpoint",
                         .expected = "a folder to keep checkpoints in",
                         .received = failed.message(),
                         .place = options_.folder.string(),
                         .hint = {}});
  }
  surrogate::Artefact artefact;
  artefact.metadata = core::Json::object();
  artefact.metadata.set(key, core::Json::object()
                                 .set("epoch", state.epoch)
                                 .set("best_epoch", state.best_epoch)
                                 .set("best_loss", state.best_loss)
                                 .set("finished", state.finished));
  artefact.tensors["best_parameters"] = tensor(state.best_parameters);
  if (!state.finished) {
    artefact.tensors["parameters"] = tensor(state.parameters);
    artefact.tensors["first_moment"] = tensor(state.first_moment);
    artefact.tensors["second_moment"] = tensor(state.second_moment);
  }
  artefact.save(options_.folder / (name + member_suffix));
}

bool MemberStore::due(std::chrono::steady_clock::time_point last) const {
  return keeps() && std::chrono::steady_clock::now() - last >= options_.every;
}

}  // namespace luban::training::detail
