#include <luban/training/neural_ensemble_fit.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <set>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/training/detail/member.hpp>

namespace luban::training {

namespace {

constexpr const char* where = "training.fit_neural_ensemble";

void require(bool right, const std::string& expected, const std::string& received) {
  if (right) return;
  throw core::ConfigurationError({.where = where, .expected = expected, .received = received, .place = {}, .hint = {}});
}

void require_options(const NeuralEnsembleOptions& o) {
  const auto between = [](const char* name, double value, double low, double high) {
    require(value >= low && value <= high,
            std::string(name) + " from " + core::number_text(low) + " to " + core::number_text(high),
            core::number_text(value));
  };
  between("members", o.members, 2, 256);
  require(!o.hidden.empty() && o.hidden.size() <= 64, "1 to 64 blocks in `hidden`", std::to_string(o.hidden.size()));
  for (const int width : o.hidden) between("hidden", width, 1, 4096);
  between("epochs", o.epochs, 1, 1e6);
  between("minibatch", o.minibatch, 1, 1e7);
  between("learning_rate", o.learning_rate, 1e-7, 1.0);
  between("weight_decay", o.weight_decay, 0.0, 1.0);
  between("validation_share", o.validation_share, 1e-3, 0.5);
  between("patience", o.patience, 1, 1e6);
  between("beta", o.beta, 0.0, 1.0);
  between("threads", o.threads, 0, 4096);
  require(o.precision == "float32" || o.precision == "float64", "precision float32 or float64",
          core::quoted(o.precision));
  const bool cuda = o.device.rfind("cuda", 0) == 0;
  require(cuda || o.device == "cpu" || o.device == "default", "device default, cpu, cuda or cuda:N",
          core::quoted(o.device));
  if (cuda && !torch::cuda::is_available()) {
    throw core::NotBuiltError({.where = where,
                               .expected = "a GPU that torch can use",
                               .received = "none",
                               .place = core::quoted(o.device),
                               .hint = "device: default trains on the CPU"});
  }
}

void require_groups(const detail::CellData& cells) {
  const std::set<std::int32_t> groups(cells.group.begin(), cells.group.end());
  if (groups.size() >= 3) return;
  throw core::DataError({.where = where,
                         .expected = "at least three groups: each member keeps some aside to know when to stop",
                         .received = std::to_string(groups.size()),
                         .place = {},
                         .hint = "a Gaussian process needs fewer"});
}

/// What the share of noise that readings of a run have in common is: all but what repeated readings differ by.
void set_between_share(detail::CellData& cells, const std::vector<surrogate::ResidualNetwork>& networks) {
  Eigen::MatrixXd variance = Eigen::MatrixXd::Zero(cells.u(), cells.mean.cols());
  for (const surrogate::ResidualNetwork& network : networks) {
    variance += surrogate::noise_variance(network, cells.z.transpose()).transpose();
  }
  variance /= static_cast<double>(networks.size());
  for (Eigen::Index r = 0; r < variance.cols(); ++r) {
    const Eigen::ArrayXd count = cells.count.col(r).array();
    const double spare = (count - 1.0).cwiseMax(0.0).sum();
    const double within = (count > 0.0).select(cells.squares.col(r).array() / variance.col(r).array(), 0.0).sum();
    cells.scaling.between_share(r) = spare > 0.0 ? std::clamp(1.0 - within / spare, 0.0, 1.0) : 1.0;
  }
}

/// Digest of everything that a member's training depends on.
std::string training_digest(const detail::CellData& cells, const NeuralEnsembleOptions& options, core::RandomKey key) {
  core::Sha256 digest;
  const auto feed = [&](const Eigen::MatrixXd& matrix) {
    digest.update(std::to_string(matrix.rows()) + "x" + std::to_string(matrix.cols()) + ";");
    digest.update(std::string_view(reinterpret_cast<const char*>(matrix.data()),
                                   static_cast<std::size_t>(matrix.size()) * sizeof(double)));
  };
  feed(cells.z);
  feed(cells.count);
  feed(cells.mean);
  feed(cells.squares);
  for (const std::int32_t group : cells.group) digest.update(std::to_string(group) + ",");
  for (const int width : options.hidden) digest.update(std::to_string(width) + "-");
  for (const double number :
       {static_cast<double>(options.epochs), static_cast<double>(options.minibatch), options.learning_rate,
        options.weight_decay, options.validation_share, static_cast<double>(options.patience), options.beta}) {
    digest.update(core::number_text(number) + ";");
  }
  digest.update(options.precision + ";" + options.device + ";" + std::to_string(key.value()));
  return digest.hex();
}

/// Torch's own threads stand back while our tasks are the threads; what the caller had comes back.
class SerialTorch {
 public:
  SerialTorch() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~SerialTorch() { at::set_num_threads(before_); }
  SerialTorch(const SerialTorch&) = delete;
  SerialTorch& operator=(const SerialTorch&) = delete;

 private:
  int before_;
};

}  // namespace

NeuralEnsembleFit fit_neural_ensemble(const features::Dataset& data, const NeuralEnsembleOptions& options,
                                      core::RandomKey key, const core::CallControl& control,
                                      const CheckpointOptions& checkpoint) {
  require_options(options);
  detail::CellData cells = detail::cell_data(data);
  require_groups(cells);
  const detail::NetworkShape shape{
      .inputs = cells.z.cols(), .responses = data.m(), .hidden = {options.hidden.begin(), options.hidden.end()}};
  const std::string digest = checkpoint.folder.empty() ? std::string() : training_digest(cells, options, key);
  detail::MemberStore store(checkpoint);
  const SerialTorch serial;
  const auto count = static_cast<std::size_t>(options.members);
  std::vector<detail::TrainedMember> members(count);
  std::mutex reporting;
  std::int64_t done = 0;
  const auto epoch_done = [&](int epochs) {
    control.check(where);
    const std::lock_guard lock(reporting);
    done += epochs;
    control.report({.phase = "train networks", .done = done, .total = std::int64_t{options.members} * options.epochs});
  };
  parallel::for_each_index(
      count,
      [&](std::size_t k) {
        at::set_num_threads(1);  // each thread has a setting of its own
        try {
          members[k] = detail::train_member(cells, shape, options, key.child("member").child(k), store,
                                            digest.substr(0, 16) + "-" + std::to_string(k), epoch_done);
        } catch (const c10::Error& error) {
          throw core::NumericalError({.where = where,
                                      .expected = "torch to compute",
                                      .received = error.what_without_backtrace(),
                                      .place = "member " + std::to_string(k),
                                      .hint = {}});
        }
      },
      options.threads, control);
  std::vector<surrogate::ResidualNetwork> networks;
  NeuralEnsembleFit out;
  for (detail::TrainedMember& member : members) {
    networks.push_back(std::move(member.network));
    out.reports.push_back(std::move(member.report));
  }
  set_between_share(cells, networks);
  out.ensemble = std::make_shared<const surrogate::NeuralEnsemble>(data.encoder, data.responses, cells.scaling,
                                                                   std::move(networks));
  return out;
}

}  // namespace luban::training
