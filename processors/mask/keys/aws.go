package keys

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// awsCredentials are those of the first place that names any, in the order of
// the AWS SDKs ("Standardized credential providers", AWS SDKs and Tools Reference
// Guide):
//
//  1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//  2. AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, as IAM roles for service
//     accounts set them: STS gives credentials for the token
//  3. the profile AWS_PROFILE, or default, of AWS_SHARED_CREDENTIALS_FILE, or
//     ~/.aws/credentials: static keys alone
//  4. AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, as ECS and EKS Pod
//     Identity set them
//
// They are asked for when keys are opened and not kept, so none has to be renewed.
// Not there: SSO, process and role profiles, and the instance's metadata (IMDS).
func (out Outside) awsCredentials(ctx context.Context, region, suffix string) (c aws.Credentials, err error) {
	env := func(n string) string { v, _ := out.Secret("env:" + n); return v }
	c = aws.Credentials{AccessKeyID: env("AWS_ACCESS_KEY_ID"), SecretAccessKey: env("AWS_SECRET_ACCESS_KEY"), SessionToken: env("AWS_SESSION_TOKEN")}
	from := "the environment"
	if !c.HasKeys() {
		switch {
		case env("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
			from = "AWS_WEB_IDENTITY_TOKEN_FILE"
			c, err = out.webIdentity(ctx, env, region, suffix)
		case sharedFile(env) != "":
			from = sharedFile(env)
			c, err = sharedProfile(from, cmp.Or(env("AWS_PROFILE"), "default"))
		case env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
			from = "the container"
			c, err = out.container(ctx, env)
		default:
			return c, errors.New("awskms: no credentials: want AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, a profile of ~/.aws/credentials, or those of a container")
		}
	}
	if err == nil && !c.HasKeys() {
		err = errors.New("there are none in it")
	}
	if err != nil {
		return c, fmt.Errorf("awskms: credentials of %s: %w", from, err)
	}
	return c, nil
}

// sharedFile is the file of profiles, "" if there is none.
func sharedFile(env func(string) string) string {
	path := env("AWS_SHARED_CREDENTIALS_FILE")
	if path != "" {
		return path // named, so that it has to be there
	}
	home := env("HOME")
	if home == "" {
		return ""
	}
	path = filepath.Join(home, ".aws", "credentials")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// sharedProfile reads the static keys of a profile.
func sharedProfile(path, profile string) (c aws.Credentials, err error) {
	p, err := readFile(path)
	if err != nil {
		return c, err
	}
	defer clear(p)
	in, found := false, false
	lines := bufio.NewScanner(bytes.NewReader(p))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			in = strings.TrimSpace(strings.Trim(line, "[]")) == profile
			found = found || in
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !in || !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "aws_access_key_id":
			c.AccessKeyID = value
		case "aws_secret_access_key":
			c.SecretAccessKey = value
		case "aws_session_token":
			c.SessionToken = value
		}
	}
	if !found {
		return c, fmt.Errorf("it has no profile %s", profile)
	}
	return c, nil
}

// webIdentity asks STS for the role's credentials (AWS STS API Reference,
// AssumeRoleWithWebIdentity). The request is not signed: the token says who asks.
func (out Outside) webIdentity(ctx context.Context, env func(string) string, region, suffix string) (c aws.Credentials, err error) {
	role := env("AWS_ROLE_ARN")
	if role == "" {
		return c, errors.New("AWS_ROLE_ARN is not set")
	}
	token, err := readFile(env("AWS_WEB_IDENTITY_TOKEN_FILE"))
	if err != nil {
		return c, err
	}
	defer clear(token)
	address := cmp.Or(strings.TrimSuffix(env("AWS_ENDPOINT_URL_STS"), "/"), "https://sts."+region+"."+suffix)
	if err := private(address); err != nil {
		return c, fmt.Errorf("AWS_ENDPOINT_URL_STS: %w", err)
	}
	form := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role},
		"RoleSessionName": {cmp.Or(env("AWS_ROLE_SESSION_NAME"), "sluice")}, "WebIdentityToken": {string(bytes.TrimSpace(token))}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return c, errors.New("no request can be made of the address") // P1: not the cause, it may quote
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Keys struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
		} `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
		Code string `xml:"Error>Code"`
	}
	status, err := out.send(req, func(p []byte) error { return xml.Unmarshal(p, &answer) })
	switch {
	case err != nil:
		return c, fmt.Errorf("%s: %w", address, err)
	case status != http.StatusOK:
		return c, fmt.Errorf("%s: status %d %s", address, status, answer.Code)
	}
	return aws.Credentials{AccessKeyID: answer.Keys.AccessKeyID, SecretAccessKey: answer.Keys.SecretAccessKey, SessionToken: answer.Keys.SessionToken}, nil
}

// Where the agents of ECS and EKS answer, in the clear but within the machine.
const ecsAgent = "http://169.254.170.2"

var agents = []string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"}

// container asks the agent of ECS or EKS (Amazon ECS Developer Guide, "Task IAM role").
func (out Outside) container(ctx context.Context, env func(string) string) (c aws.Credentials, err error) {
	address := env("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		address = ecsAgent + relative
	}
	u, err := url.Parse(address)
	if err != nil {
		return c, errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is no address")
	}
	known := false
	for _, a := range agents {
		known = known || u.Scheme == "http" && u.Hostname() == a
	}
	if err := private(address); err != nil && !known {
		return c, err
	}
	token := env("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if path := env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); path != "" {
		p, err := readFile(path)
		if err != nil {
			return c, err
		}
		token = string(bytes.TrimSpace(p))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return c, errors.New("no request can be made of the address")
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	var answer struct {
		AccessKeyId, SecretAccessKey, Token string //revive:disable-line the agent writes them so
	}
	status, err := out.post(req, &answer)
	switch {
	case err != nil:
		return c, fmt.Errorf("%s: %w", u.Host, err)
	case status != http.StatusOK:
		return c, fmt.Errorf("%s: status %d", u.Host, status)
	}
	return aws.Credentials{AccessKeyID: answer.AccessKeyId, SecretAccessKey: answer.SecretAccessKey, SessionToken: answer.Token}, nil
}

// send sends a request and has read take what comes back. Redirects are not
// followed: the request carries what opens keys.
func (out Outside) send(req *http.Request, read func([]byte) error) (status int, err error) {
	c := &http.Client{Transport: out.HTTP, Timeout: remoteTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return 0, err
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(io.LimitReader(resp.Body, maxFile))
	if err != nil {
		return resp.StatusCode, err
	}
	defer clear(p)
	if read(p) != nil && resp.StatusCode == http.StatusOK {
		return resp.StatusCode, errors.New("the answer cannot be read") // P1: not the cause, it may quote
	}
	return resp.StatusCode, nil
}
