#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/training/export.hpp>
#include <luban/training/neural_ensemble_fit.hpp>

namespace luban::training {

/// The training of one ensemble as pieces of work of one member each, for processes that share them: what becomes of a
/// member depends on data, options, key and its number alone, never on who trains it, where, or how often it stopped.
class LUBAN_TRAINING_EXPORT EnsembleTraining {
 public:
  /// @throws ConfigurationError, DataError, NotBuiltError as fit_neural_ensemble().
  EnsembleTraining(const features::Dataset& data, NeuralEnsembleOptions options, core::RandomKey key);
  ~EnsembleTraining();
  EnsembleTraining(const EnsembleTraining&) = delete;
  EnsembleTraining& operator=(const EnsembleTraining&) = delete;

  [[nodiscard]] int members() const noexcept;
  /// Name of a member's file in a checkpoint folder: it holds the digest of all that the member depends on.
  [[nodiscard]] std::string file_name(int member) const;
  /// Whether the folder holds this member, trained to its end. @throws IntegrityError on a damaged file.
  [[nodiscard]] bool finished(int member, const std::filesystem::path& folder) const;

  struct Parts;  ///< private: what a member is trained from
  [[nodiscard]] const Parts& parts() const noexcept { return *parts_; }

 private:
  std::unique_ptr<const Parts> parts_;
};

/// One piece of work.
struct NetworkUnit {
  std::shared_ptr<const EnsembleTraining> training;
  int member = 0;
};

/// Trains members, several at a time, and leaves each in the checkpoint folder; those that are finished there already
/// cost nothing. With `pause_after` those that are unfinished by then are kept after their epoch, and the call returns.
/// @throws ConfigurationError without a folder or on a member that is none; NumericalError when training
/// diverges; IoError; IntegrityError on a damaged checkpoint; StoppedError (what was done is kept).
LUBAN_TRAINING_EXPORT void train_networks(const std::vector<NetworkUnit>& units, const CheckpointOptions& checkpoint,
                                          int threads = 0, const core::CallControl& control = {},
                                          std::optional<core::Nanoseconds> pause_after = std::nullopt);

}  // namespace luban::training
