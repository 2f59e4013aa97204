#include <luban/training/neural_ensemble_fit.hpp>

#include <algorithm>
#include <utility>

#include <luban/training/detail/parts.hpp>

namespace luban::training {

namespace {

/// What the share of noise that readings of a run have in common is: all but what repeated readings differ by.
Eigen::VectorXd between_share(const detail::CellData& cells, const std::vector<surrogate::ResidualNetwork>& networks) {
  Eigen::MatrixXd variance = Eigen::MatrixXd::Zero(cells.u(), cells.mean.cols());
  for (const surrogate::ResidualNetwork& network : networks) {
    variance += surrogate::noise_variance(network, cells.z.transpose()).transpose();
  }
  variance /= static_cast<double>(networks.size());
  Eigen::VectorXd share(variance.cols());
  for (Eigen::Index r = 0; r < variance.cols(); ++r) {
    const Eigen::ArrayXd count = cells.count.col(r).array();
    const double spare = (count - 1.0).cwiseMax(0.0).sum();
    const double within = (count > 0.0).select(cells.squares.col(r).array() / variance.col(r).array(), 0.0).sum();
    share(r) = spare > 0.0 ? std::clamp(1.0 - within / spare, 0.0, 1.0) : 1.0;
  }
  return share;
}

}  // namespace

NeuralEnsembleFit fit_neural_ensemble(const features::Dataset& data, const NeuralEnsembleOptions& options,
                                      core::RandomKey key, const core::CallControl& control,
                                      const CheckpointOptions& checkpoint) {
  const EnsembleTraining training(data, options, key);
  const EnsembleTraining::Parts& parts = training.parts();
  std::vector<detail::MemberTask> tasks;
  for (int k = 0; k < options.members; ++k) tasks.push_back({.parts = &parts, .member = k});
  std::vector<surrogate::ResidualNetwork> networks;
  NeuralEnsembleFit out;
  for (std::optional<detail::TrainedMember>& member :
       detail::train_members(tasks, checkpoint, options.threads, control)) {
    networks.push_back(std::move(member.value().network));  // without a time to pause none is missing
    out.reports.push_back(std::move(member.value().report));
  }
  surrogate::NetworkScaling scaling = parts.cells.scaling;
  scaling.between_share = between_share(parts.cells, networks);
  out.ensemble = std::make_shared<const surrogate::NeuralEnsemble>(parts.encoder, parts.responses, std::move(scaling),
                                                                   std::move(networks));
  return out;
}

}  // namespace luban::training
