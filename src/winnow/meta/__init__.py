"""Meta-gradients: what the weight of each example was worth, by differentiating through the training itself.

A model is trained for K steps on weighted examples, ``theta' = update(theta, sum_i w_i grad l_i(theta))``, and a loss
is taken of where that leads. This room gives the gradient of that loss by every weight ``w[t][i]``, exactly or by
differences, for any model and any optimiser that are functions of their parameters. It knows nothing of text::

    model = Stateless(network, losses)                    # or Function(f), or InPlace(module, losses)
    update = AdamW(learning_rate=2e-3, decayed=model.decayed)
    params, state = model.params(), update.start(model.params())
    window = unroll(model, update, params, state, batches, weights, backend=Exact())
    outer, _ = model.gradient(window.params, heldout, uniform)
    by_weight = weight_gradients(model, update, window, outer, backend=Exact())    # one [B] for each step

The reverse pass is a short recursion (the adjoint of the unroll; Calian et al. 2025 evaluate the same by MixFlow-MG,
Kemaev et al. 2025). With ``lam`` the gradient of the loss by what a step made::

    (lam_theta, lam_state, mu) = VJP of the update at (theta_t, state_t, g_t)
    dL/dw[t][i]                = <mu, grad l_i(theta_t)>
    lam_theta                 += H_t mu,            H_t the Hessian of sum_i w_i l_i at theta_t

Whatever makes the weights, a rater say, is differentiated once and as ever. K steps need K - 1 products with a Hessian,
and the activations of one step are held at a time. Of the steps only their gradients are kept: parameters and moments
are computed again from the first ones, so a further step costs the memory of one gradient.
"""
