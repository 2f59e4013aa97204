#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/training/detail/cell_data.hpp>
#include <luban/training/detail/member_state.hpp>
#include <luban/training/detail/residual_module.hpp>
#include <luban/training/neural_ensemble_fit.hpp>

namespace luban::training::detail {

/// A trained member: its weights and what became of it.
struct TrainedMember {
  surrogate::ResidualNetwork network;
  MemberReport report;
};

/// What a member asks and tells while it is trained.
struct MemberControl {
  std::function<void()> check;                  ///< every few steps; throws StoppedError to stop
  std::function<bool()> pause;                  ///< after each epoch: whether to keep the state and leave
  std::function<void(int epochs)> epochs_done;  ///< after each epoch, and once more with what early stopping spared
};

/// Trains one member from its start or from where an earlier call left off; nothing when it paused. When it is stopped
/// it keeps the state after the last whole epoch. @throws NumericalError when the loss is no longer finite;
/// StoppedError.
[[nodiscard]] std::optional<TrainedMember> train_member(const CellData& cells, const NetworkShape& shape,
                                                        const NeuralEnsembleOptions& options, core::RandomKey key,
                                                        const MemberStore& store, const std::string& name,
                                                        const MemberControl& control);

}  // namespace luban::training::detail
