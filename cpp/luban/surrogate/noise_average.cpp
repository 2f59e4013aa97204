#include <luban/surrogate/noise_average.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate {

namespace {

features::Encoder without_noise(const features::Encoder& encoder) {
  std::vector<features::EncodedVariable> kept;
  for (const features::EncodedVariable& variable : encoder.variables()) {
    if (variable.role != features::Role::noise) kept.push_back(variable);
  }
  return features::Encoder(std::move(kept));
}

void require_fitting(const NoiseLevels& levels, Eigen::Index noise_variables) {
  const bool fits = levels.levels.rows() == levels.weights.size() && levels.weights.size() > 0 &&
                    levels.levels.cols() == noise_variables && levels.weights.allFinite() &&
                    levels.weights.minCoeff() >= 0.0 && std::abs(levels.weights.sum() - 1.0) < 1e-9;
  if (fits) return;
  throw core::DataError(
      {.where = "surrogate.AveragedSurrogate",
       .expected = "levels of " + std::to_string(noise_variables) + " noise variables with weights that sum to 1",
       .received = std::to_string(levels.levels.rows()) + " × " + std::to_string(levels.levels.cols()) +
                   " levels and " + std::to_string(levels.weights.size()) + " weights",
       .place = {},
       .hint = "take them from observed_noise_levels of the data that the surrogate was fitted to"});
}

/// An averaged posterior beside fixed points, its derivatives by the inputs that are left.
class AveragedPosteriorBeside final : public PosteriorBeside {
 public:
  AveragedPosteriorBeside(std::unique_ptr<PosteriorBeside> inner, const std::vector<Eigen::Index>& kept)
      : inner_(std::move(inner)), kept_(kept) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return inner_->q(); }
  [[nodiscard]] Eigen::Index b() const noexcept override { return inner_->b(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return inner_->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override { return inner_->mean(); }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override { return inner_->variance(of); }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    return inner_->covariance(response, of);
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    return inner_->cross_covariance(response);
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    const Eigen::MatrixXd whole = inner_->between_gradient(response);
    return whole.size() > 0 ? Eigen::MatrixXd(whole(Eigen::all, kept_)) : whole;
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response, const PullbackWeights& weights) const override {
    return inner_->pullback(response, weights)(Eigen::all, kept_);
  }

 private:
  std::unique_ptr<PosteriorBeside> inner_;
  std::vector<Eigen::Index> kept_;
};

class AveragedBeside final : public SurrogateBeside {
 public:
  using AtAllLevels = std::function<Eigen::MatrixXd(const Eigen::MatrixXd&)>;
  AveragedBeside(std::unique_ptr<const SurrogateBeside> inner, features::Encoder encoder, Eigen::MatrixXd fixed,
                 AtAllLevels at_all_levels, std::vector<Eigen::Index> kept)
      : inner_(std::move(inner)),
        encoder_(std::move(encoder)),
        fixed_points_(std::move(fixed)),
        at_all_levels_(std::move(at_all_levels)),
        kept_(std::move(kept)) {}

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return fixed_points_; }
  [[nodiscard]] const Posterior& fixed() const noexcept override { return inner_->fixed(); }
  [[nodiscard]] std::unique_ptr<PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const override {
    detail::require_coded(X, encoder_, "surrogate.posterior");
    return std::make_unique<AveragedPosteriorBeside>(inner_->posterior(at_all_levels_(X), request), kept_);
  }

 private:
  std::unique_ptr<const SurrogateBeside> inner_;
  features::Encoder encoder_;
  Eigen::MatrixXd fixed_points_;
  AtAllLevels at_all_levels_;
  std::vector<Eigen::Index> kept_;
};

}  // namespace

AveragedSurrogate::AveragedSurrogate(std::shared_ptr<const Surrogate> surrogate, NoiseLevels levels)
    : surrogate_(std::move(surrogate)), levels_(std::move(levels)), encoder_(without_noise(surrogate_->encoder())) {
  const features::Encoder& whole = surrogate_->encoder();
  require_fitting(levels_, whole.p() - encoder_.p());
  for (Eigen::Index column = 0; column < whole.p(); ++column) {
    const bool noise = whole.variables()[static_cast<std::size_t>(column)].role == features::Role::noise;
    (noise ? noise_columns_ : kept_columns_).push_back(column);
  }
}

std::string AveragedSurrogate::kind() const {
  return "averaged " + surrogate_->kind();
}

const features::Encoder& AveragedSurrogate::encoder() const noexcept {
  return encoder_;
}

const std::vector<features::ResponseColumn>& AveragedSurrogate::responses() const noexcept {
  return surrogate_->responses();
}

Eigen::MatrixXd AveragedSurrogate::at_all_levels(const Eigen::MatrixXd& X) const {
  const Eigen::Index count = levels_.weights.size();
  Eigen::MatrixXd whole(X.rows() * count, surrogate_->encoder().p());
  for (Eigen::Index l = 0; l < count; ++l) {
    const auto rows = Eigen::seqN(l, X.rows(), count);
    whole(rows, kept_columns_) = X;
    whole(rows, noise_columns_) = levels_.levels.row(l).replicate(X.rows(), 1);
  }
  return whole;
}

std::unique_ptr<Posterior> AveragedSurrogate::posterior(const Eigen::MatrixXd& X,
                                                        const PosteriorRequest& request) const {
  detail::require_coded(X, encoder_, "surrogate.posterior");
  return kept(surrogate_->average(at_all_levels(X), levels_.weights, request), request);
}

std::unique_ptr<Posterior> AveragedSurrogate::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                      const PosteriorRequest& request) const {
  detail::require_coded(X, encoder_, "surrogate.average");
  Eigen::VectorXd both(weights.size() * levels_.weights.size());
  for (Eigen::Index k = 0; k < weights.size(); ++k) {
    both.segment(k * levels_.weights.size(), levels_.weights.size()) = weights(k) * levels_.weights;
  }
  return kept(surrogate_->average(at_all_levels(X), both, request), request);
}

std::unique_ptr<Posterior> AveragedSurrogate::kept(const std::shared_ptr<const Posterior>& averaged,
                                                   const PosteriorRequest& request) const {
  std::vector<GaussianPosterior::Moments> out;
  for (Eigen::Index r = 0; r < averaged->m(); ++r) {
    out.push_back(moments_of(averaged, r, request));
    GaussianPosterior::Moments& moments = out.back();
    for (Eigen::MatrixXd* gradient : {&moments.mean_gradient, &moments.variance_gradient, &moments.between_gradient}) {
      if (gradient->size() > 0) *gradient = Eigen::MatrixXd((*gradient)(Eigen::all, kept_columns_));
    }
    if (moments.covariance_gradient) {
      moments.covariance_gradient = [whole = std::move(moments.covariance_gradient),
                                     kept = kept_columns_](const Eigen::MatrixXd& weights) {
        return Eigen::MatrixXd(whole(weights)(Eigen::all, kept));
      };
    }
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

std::shared_ptr<const Surrogate> AveragedSurrogate::smoothed(const Eigen::VectorXd& sd) const {
  detail::require_deviations(sd, encoder_.p(), "surrogate.smoothed");
  Eigen::VectorXd whole = Eigen::VectorXd::Zero(surrogate_->encoder().p());
  whole(kept_columns_) = sd;
  std::shared_ptr<const Surrogate> smooth = surrogate_->smoothed(whole);
  return smooth == nullptr ? nullptr : std::make_shared<const AveragedSurrogate>(std::move(smooth), levels_);
}

std::unique_ptr<const SurrogateBeside> AveragedSurrogate::beside(const Eigen::MatrixXd& fixed) const {
  detail::require_coded(fixed, encoder_, "surrogate.beside");
  return std::make_unique<AveragedBeside>(
      surrogate_->average_beside(at_all_levels(fixed), levels_.weights), encoder_, fixed,
      [this](const Eigen::MatrixXd& X) { return at_all_levels(X); }, kept_columns_);
}

}  // namespace luban::surrogate
