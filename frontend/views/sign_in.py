"""How does a member come in, and leave?

Only through the synchronous `authenticate`: django-axes does not guard the asynchronous one, which lets a locked-out
person in.
"""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST


class SignInForm(forms.Form):
    #: the user model's own name for it: django-axes counts failures by the credential of that name, and by none else
    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_destination(request))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, **form.cleaned_data)
        if user is not None:
            login(request, user)
            return redirect(_destination(request))
        form.add_error(None, _("That e-mail address and password do not belong together."))
    return _page(request, form, status=200 if request.method == "GET" else 422)


def locked_out(request: HttpRequest, *_context: object) -> HttpResponse:
    """What django-axes answers with after too many failures."""
    page = _page(request, SignInForm(), status=429, locked_minutes=round(settings.AXES_COOLOFF_TIME * 60))
    page["Retry-After"] = str(round(settings.AXES_COOLOFF_TIME * 3600))
    return page


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("frontend:sign-in")


def _page(request: HttpRequest, form: SignInForm, *, status: int, locked_minutes: int | None = None) -> HttpResponse:
    context = {"form": form, "next": _wanted(request), "locked_minutes": locked_minutes}
    return render(request, "sign_in.html", context, status=status)


def _wanted(request: HttpRequest) -> str:
    return request.POST.get("next") or request.GET.get("next") or ""


def _destination(request: HttpRequest) -> str:
    """Only ever a page of this site: an address from outside must not send a member elsewhere."""
    wanted = _wanted(request)
    inside = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if inside else str(settings.LOGIN_REDIRECT_URL)
