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

/// Trains one member from its start or from where an earlier call left off. `epoch_done` is called after each epoch and
/// once more with what early stopping spared; it throws to stop.
/// @throws NumericalError when the loss is no longer finite.
[[nodiscard]] TrainedMember train_member(const CellData& cells, const NetworkShape& shape,
                                         const NeuralEnsembleOptions& options, core::RandomKey key, MemberStore& store,
                                         const std::string& name, const std::function<void(int epochs)>& epoch_done);

}  // namespace luban::training::detail
