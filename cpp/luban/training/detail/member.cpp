#include <luban/training/detail/member.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include <luban/core/error.hpp>

namespace luban::training::detail {

namespace {

constexpr double first_decay = 0.9;
constexpr double second_decay = 0.999;
constexpr double smallest_step = 1e-8;
constexpr int least_steps = 8;          // of an epoch on small data
constexpr std::int64_t least_rows = 8;  // of a minibatch
constexpr std::int64_t steps_between_checks = 16;

std::vector<std::int64_t> shuffled(std::size_t count, core::RandomKey key) {
  std::vector<std::int64_t> out(count);
  std::iota(out.begin(), out.end(), std::int64_t{0});
  core::Generator generator = key.generator();
  for (std::size_t i = count; i > 1; --i) std::swap(out[i - 1], out[generator.below(i)]);
  return out;
}

/// Cells of a member: those that it learns from and those that tell it when to stop, whole groups each.
struct Division {
  std::vector<std::int64_t> train, validate;
  std::vector<std::string> groups;  // kept aside
};

Division divide(const CellData& cells, double share, core::RandomKey key) {
  std::vector<std::int32_t> present = cells.group;
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
  const auto wanted =
      std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * static_cast<double>(present.size()))));
  std::vector<bool> aside(cells.group_labels.size(), false);
  const std::vector<std::int64_t> order = shuffled(present.size(), key);
  Division out;
  for (std::size_t k = 0; k < wanted; ++k) {
    const auto group = static_cast<std::size_t>(present[static_cast<std::size_t>(order[k])]);
    aside[group] = true;
    out.groups.push_back(cells.group_labels[group]);
  }
  for (std::size_t c = 0; c < cells.group.size(); ++c) {
    (aside[static_cast<std::size_t>(cells.group[c])] ? out.validate : out.train)
        .push_back(static_cast<std::int64_t>(c));
  }
  return out;
}

/// Some cells as tensors.
struct Rows {
  torch::Tensor z, count, mean, squares;

  [[nodiscard]] Rows at(const torch::Tensor& index) const {
    return {z.index_select(0, index), count.index_select(0, index), mean.index_select(0, index),
            squares.index_select(0, index)};
  }
};

torch::Tensor to_tensor(const Eigen::MatrixXd& matrix, const torch::TensorOptions& options) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  RowMajor rows = matrix;
  return torch::from_blob(rows.data(), {rows.rows(), rows.cols()}, torch::kFloat64).to(options, false, true);
}

torch::Tensor to_tensor(const std::vector<double>& values, const torch::TensorOptions& options) {
  return torch::from_blob(const_cast<double*>(values.data()), {static_cast<std::int64_t>(values.size())},  // NOLINT
                          torch::kFloat64)
      .to(options, false, true);
}

std::vector<double> to_vector(const torch::Tensor& flat) {
  const torch::Tensor plain = flat.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  return {plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel()};
}

class Member {
 public:
  Member(const CellData& cells, const NetworkShape& shape, const NeuralEnsembleOptions& options, core::RandomKey key)
      : options_(options),
        key_(key),
        division_(divide(cells, options.validation_share, key.child("validation"))),
        tensor_options_(torch::TensorOptions()
                            .dtype(options.precision == "float64" ? torch::kFloat64 : torch::kFloat32)
                            .device(options.device == "default" ? std::string("cpu") : options.device)),
        all_{to_tensor(cells.z, tensor_options_), to_tensor(cells.count, tensor_options_),
             to_tensor(cells.mean, tensor_options_), to_tensor(cells.squares, tensor_options_)},
        validation_(all_.at(index_of(division_.validate))),
        flat_(to_tensor(ResidualModule::start(shape, key.child("start")), tensor_options_)),
        module_(shape, flat_),
        first_(torch::zeros_like(flat_)),
        second_(torch::zeros_like(flat_)) {}

  [[nodiscard]] const Division& division() const noexcept { return division_; }

  /// One pass over the training cells in the order of this epoch; when `check` throws, nothing has changed.
  void train_epoch(int epoch, const std::function<void()>& check) {
    const std::vector<std::int64_t> order =
        shuffled(division_.train.size(), key_.child("order").child(static_cast<std::uint64_t>(epoch)));
    std::vector<std::int64_t> cells;
    for (const std::int64_t place : order) cells.push_back(division_.train[static_cast<std::size_t>(place)]);
    const auto count = static_cast<std::int64_t>(cells.size());
    const std::int64_t rows = std::clamp<std::int64_t>((count + least_steps - 1) / least_steps, least_rows,
                                                       std::max<std::int64_t>(options_.minibatch, least_rows));
    const torch::Tensor index = index_of(cells);
    const std::int64_t steps = (count + rows - 1) / rows;
    const std::array<torch::Tensor, 3> before{flat_.clone(), first_.clone(), second_.clone()};
    for (std::int64_t step = 0; step < steps; ++step) {
      if (step % steps_between_checks == 0) {
        try {
          check();
        } catch (const core::StoppedError&) {
          const torch::NoGradGuard no_gradients;
          flat_.copy_(before[0]);
          first_.copy_(before[1]);
          second_.copy_(before[2]);
          throw;
        }
      }
      const std::int64_t begin = step * count / steps;
      const std::int64_t end = (step + 1) * count / steps;
      const double part = static_cast<double>(epoch) + static_cast<double>(step) / static_cast<double>(steps);
      descend(all_.at(index.narrow(0, begin, end - begin)), learning_rate(part), epoch * steps + step + 1);
    }
  }

  /// Negative log density per reading of the validation cells, without the constant.
  [[nodiscard]] double validation_loss() const {
    const torch::NoGradGuard no_gradients;
    return loss(validation_, 0.0).to(torch::kFloat64).item<double>();
  }

  [[nodiscard]] std::vector<double> parameters() const { return to_vector(flat_); }
  [[nodiscard]] std::vector<double> first_moment() const { return to_vector(first_); }
  [[nodiscard]] std::vector<double> second_moment() const { return to_vector(second_); }

  void restore(const MemberState& state) {
    const torch::NoGradGuard no_gradients;
    flat_.copy_(to_tensor(state.parameters, tensor_options_));
    first_.copy_(to_tensor(state.first_moment, tensor_options_));
    second_.copy_(to_tensor(state.second_moment, tensor_options_));
  }

  [[nodiscard]] surrogate::ResidualNetwork network_of(const std::vector<double>& parameters) {
    const torch::NoGradGuard no_gradients;
    flat_.copy_(to_tensor(parameters, tensor_options_));
    return module_.network();
  }

 private:
  [[nodiscard]] torch::Tensor index_of(const std::vector<std::int64_t>& cells) const {
    return torch::tensor(cells, torch::kInt64).to(tensor_options_.device());
  }

  [[nodiscard]] double learning_rate(double epoch) const {
    constexpr double last_share = 0.05;
    const double along = 0.5 * (1.0 + std::cos(std::numbers::pi * epoch / options_.epochs));
    return options_.learning_rate * (last_share + (1.0 - last_share) * along);
  }

  /// Mean over the readings: ½ [log v + (squares/count + (mean − μ)²) / v], each weighted by v^beta held fixed.
  [[nodiscard]] torch::Tensor loss(const Rows& rows, double beta) const {
    const auto [mean, variance] = module_.forward(rows.z);
    torch::Tensor each =
        0.5 * (rows.count * variance.log() + (rows.squares + rows.count * (rows.mean - mean).square()) / variance);
    if (beta > 0.0) each = each * variance.detach().pow(beta);
    return each.sum() / rows.count.sum();
  }

  void descend(const Rows& rows, double rate, std::int64_t step) {
    module_.gradient().zero_();
    loss(rows, options_.beta).backward();
    const torch::NoGradGuard no_gradients;
    const torch::Tensor& gradient = module_.gradient();
    first_.mul_(first_decay).add_(gradient, 1.0 - first_decay);
    second_.mul_(second_decay).addcmul_(gradient, gradient, 1.0 - second_decay);
    const double first_bias = 1.0 - std::pow(first_decay, static_cast<double>(step));
    const double second_bias = 1.0 - std::pow(second_decay, static_cast<double>(step));
    flat_.mul_(1.0 - rate * options_.weight_decay);
    flat_.addcdiv_(first_, second_.sqrt().div_(std::sqrt(second_bias)).add_(smallest_step), -rate / first_bias);
  }

  const NeuralEnsembleOptions& options_;
  core::RandomKey key_;
  Division division_;
  torch::TensorOptions tensor_options_;
  Rows all_;
  Rows validation_;
  torch::Tensor flat_;
  ResidualModule module_;
  torch::Tensor first_;
  torch::Tensor second_;
};

void require_finite(double loss, const std::string& name, int epoch) {
  if (std::isfinite(loss)) return;
  throw core::NumericalError({.where = "training.fit_neural_ensemble",
                              .expected = "a finite loss",
                              .received = "one that is not",
                              .place = "member " + name + ", epoch " + std::to_string(epoch),
                              .hint = "lower learning_rate"});
}

}  // namespace

std::optional<TrainedMember> train_member(const CellData& cells, const NetworkShape& shape,
                                          const NeuralEnsembleOptions& options, core::RandomKey key,
                                          const MemberStore& store, const std::string& name,
                                          const MemberControl& control) {
  Member member(cells, shape, options, key);
  MemberState state;
  if (auto kept = store.load(name, static_cast<std::size_t>(shape.size()))) {
    state = std::move(*kept);
    if (!state.finished) member.restore(state);
    control.epochs_done(state.epoch);
  } else {
    state.best_parameters = member.parameters();
    state.best_loss = member.validation_loss();
  }
  const auto keep = [&] {
    if (!state.finished) {
      state.parameters = member.parameters();
      state.first_moment = member.first_moment();
      state.second_moment = member.second_moment();
    }
    store.save(name, state);
  };
  auto saved = std::chrono::steady_clock::now();
  while (!state.finished) {
    try {
      member.train_epoch(state.epoch, control.check);
    } catch (const core::StoppedError&) {
      keep();
      throw;
    }
    const double loss = member.validation_loss();
    require_finite(loss, name, state.epoch);
    ++state.epoch;
    if (loss < state.best_loss) {
      state.best_loss = loss;
      state.best_epoch = state.epoch;
      state.best_parameters = member.parameters();
    }
    state.finished = state.epoch >= options.epochs || state.epoch - state.best_epoch >= options.patience;
    if (state.finished || store.due(saved)) {
      keep();
      saved = std::chrono::steady_clock::now();
    }
    control.epochs_done(1);
    if (!state.finished && control.pause()) {
      keep();
      return std::nullopt;
    }
  }
  control.epochs_done(options.epochs - state.epoch);
  constexpr double constant = 0.9189385332046727;  // ½ log 2π
  return TrainedMember{.network = member.network_of(state.best_parameters),
                       .report = {.epochs = state.epoch,
                                  .best_epoch = state.best_epoch,
                                  .validation_log_density = -state.best_loss - constant,
                                  .validation_groups = member.division().groups}};
}

}  // namespace luban::training::detail
