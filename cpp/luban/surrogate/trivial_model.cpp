#include <cmath>
#include <utility>

#include <luban/surrogate/detail/baseline_data.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/linear_model.hpp>

namespace luban::surrogate {

namespace {

/// What the trivial model knows of one response.
struct Level {
  double mean = 0.0;
  double mean_variance = 0.0;  ///< of `mean` itself
  double between = 0.0;
  double within = 0.0;
};

Level level_of(const detail::BaselineData& data) {
  // Run means; what their readings' own spread adds to the spread between them is taken out again.
  const auto runs = static_cast<double>(data.runs.size());
  Eigen::VectorXd means(static_cast<Eigen::Index>(data.runs.size()));
  double reading_share = 0.0;
  double scatter = data.within_ss;
  double spare = data.spare;
  for (std::size_t r = 0; r < data.runs.size(); ++r) {
    const Eigen::VectorXd y = data.y(data.runs[r]);
    const Eigen::VectorXd weight = data.weight(data.runs[r]);
    const double mean = weight.dot(y) / weight.sum();
    means(static_cast<Eigen::Index>(r)) = mean;
    scatter += weight.dot((y.array() - mean).square().matrix());
    spare += static_cast<double>(data.runs[r].size()) - 1.0;
    reading_share += 1.0 / (weight.sum() * runs);
  }
  Level out;
  out.mean = means.mean();
  out.within = spare > 0.0 ? scatter / spare : 0.0;
  const double spread = (means.array() - out.mean).square().sum() / (runs - 1.0);
  out.mean_variance = spread / runs;
  out.between = std::max(spread - out.within * reading_share, 0.0);
  return out;
}

class TrivialModel final : public Surrogate {
 public:
  explicit TrivialModel(const features::Dataset& data) : encoder_(data.encoder), responses_(data.responses) {
    for (Eigen::Index r = 0; r < data.m(); ++r) {
      levels_.push_back(level_of(detail::baseline_data(data, r, "surrogate.fit_trivial")));
    }
  }

  std::string kind() const override { return "trivial"; }
  const features::Encoder& encoder() const noexcept override { return encoder_; }
  const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }

  std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const override {
    detail::require_coded(X, encoder_, "surrogate.posterior");
    return constant(X.rows(), request);
  }

  std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                     const PosteriorRequest& request) const override {
    detail::require_coded(X, encoder_, "surrogate.average");
    detail::require_levels(X, weights, "surrogate.average");
    return constant(X.rows() / weights.size(), request);
  }

 private:
  std::unique_ptr<Posterior> constant(Eigen::Index q, const PosteriorRequest& request) const {
    std::vector<GaussianPosterior::Moments> out;
    for (const Level& level : levels_) {
      GaussianPosterior::Moments moments;
      moments.mean = Eigen::VectorXd::Constant(q, level.mean);
      moments.variance = Eigen::VectorXd::Constant(q, level.mean_variance);
      moments.between_variance = Eigen::VectorXd::Constant(q, level.between);
      moments.within_variance = Eigen::VectorXd::Constant(q, level.within);
      if (request.joint) moments.covariance = Eigen::MatrixXd::Constant(q, q, level.mean_variance);
      if (request.gradients) {
        moments.mean_gradient = Eigen::MatrixXd::Zero(q, encoder_.p());
        moments.variance_gradient = moments.mean_gradient;
      }
      if (request.joint && request.gradients) {
        moments.covariance_gradient = [q, p = encoder_.p()](const Eigen::MatrixXd& /*weights*/) {
          return Eigen::MatrixXd(Eigen::MatrixXd::Zero(q, p));
        };
      }
      out.push_back(std::move(moments));
    }
    return std::make_unique<GaussianPosterior>(std::move(out));
  }

  features::Encoder encoder_;
  std::vector<features::ResponseColumn> responses_;
  std::vector<Level> levels_;
};

}  // namespace

std::shared_ptr<const Surrogate> fit_trivial(const features::Dataset& data) {
  return std::make_shared<const TrivialModel>(data);
}

}  // namespace luban::surrogate
