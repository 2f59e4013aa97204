#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <luban/training/neural_ensemble_fit.hpp>

namespace luban::training::detail {

/// All that the training of one member is between two epochs. Order and start are drawn from the key by epoch, so no
/// generator has a state.
struct MemberState {
  int epoch = 0;  ///< next
  int best_epoch = 0;
  double best_loss = 0.0;
  bool finished = false;
  std::vector<double> best_parameters;                          ///< (size)
  std::vector<double> parameters, first_moment, second_moment;  ///< (size) each; of a finished member none is needed
};

inline constexpr const char* member_suffix = ".safetensors";

/// Keeps the states of members as files, one each, written whole or not at all.
class MemberStore {
 public:
  explicit MemberStore(CheckpointOptions options) : options_(std::move(options)) {}
  [[nodiscard]] bool keeps() const noexcept { return !options_.folder.empty(); }
  /// Nothing when there is no file. @throws IntegrityError when it is damaged or of another size.
  [[nodiscard]] std::optional<MemberState> load(const std::string& name, std::size_t size) const;
  /// @throws IoError.
  void save(const std::string& name, const MemberState& state) const;
  /// Whether a state saved at `last` is due again.
  [[nodiscard]] bool due(std::chrono::steady_clock::time_point last) const;

 private:
  CheckpointOptions options_;
};

}  // namespace luban::training::detail
