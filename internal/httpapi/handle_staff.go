package httpapi

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
)

func memberOut(m staff.Member) gen.Member {
	roles := make([]gen.Role, 0, len(m.Roles))
	for _, r := range m.Roles {
		roles = append(roles, gen.Role(r))
	}
	return gen.Member{
		Id: gen.UUID(m.ID), Username: m.Username, Name: m.Name, Roles: roles, Badge: m.Badge, Active: m.Active, HasPin: m.PINHash != "",
	}
}

func rolesIn(in gen.RoleSet) []staff.Role {
	out := make([]staff.Role, 0, len(in))
	for _, r := range in {
		out = append(out, staff.Role(r))
	}
	return out
}

// ListStaff lists everybody who works or worked here.
func (s *Server) ListStaff(ctx context.Context, _ gen.ListStaffRequestObject) (gen.ListStaffResponseObject, error) {
	members, err := s.staff.Members(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	return gen.ListStaff200JSONResponse{Items: each(members, memberOut)}, nil
}

// AddStaff adds a person with a first password.
func (s *Server) AddStaff(ctx context.Context, r gen.AddStaffRequestObject) (gen.AddStaffResponseObject, error) {
	p := principalOf(ctx)
	m, err := s.staff.Add(ctx, p.clinic, p.member, staff.New{
		ID: idOf[staff.ID](r.Body.Id), Username: r.Body.Username, Name: r.Body.Name, Roles: rolesIn(r.Body.Roles), Password: r.Body.Password,
	})
	s.names.forget(p.clinic)
	return gen.AddStaff201JSONResponse(memberOut(m)), err
}

// ReadStaff reads one person.
func (s *Server) ReadStaff(ctx context.Context, r gen.ReadStaffRequestObject) (gen.ReadStaffResponseObject, error) {
	m, err := s.staff.Member(ctx, principalOf(ctx).clinic, idOf[staff.ID](r.Id))
	return gen.ReadStaff200JSONResponse(memberOut(m)), err
}

// changed reads a person after a change and lets every session of theirs see it at once.
func (s *Server) changed(ctx context.Context, who staff.ID) (gen.Member, error) {
	c := principalOf(ctx).clinic
	s.members.forget(memberKey{c, who})
	m, err := s.staff.Member(ctx, c, who)
	return memberOut(m), err
}

// DeactivateStaff ends a person's access.
func (s *Server) DeactivateStaff(ctx context.Context, r gen.DeactivateStaffRequestObject) (gen.DeactivateStaffResponseObject, error) {
	p, who := principalOf(ctx), idOf[staff.ID](r.Id)
	if _, err := s.staff.Deactivate(ctx, p.clinic, p.member, who); err != nil {
		return nil, err
	}
	m, err := s.changed(ctx, who)
	return gen.DeactivateStaff200JSONResponse(m), err
}

// ReactivateStaff lets a person sign in again.
func (s *Server) ReactivateStaff(ctx context.Context, r gen.ReactivateStaffRequestObject) (gen.ReactivateStaffResponseObject, error) {
	p, who := principalOf(ctx), idOf[staff.ID](r.Id)
	if _, err := s.staff.Reactivate(ctx, p.clinic, p.member, who); err != nil {
		return nil, err
	}
	m, err := s.changed(ctx, who)
	return gen.ReactivateStaff200JSONResponse(m), err
}

// UnlockStaff lifts a lock-out.
func (s *Server) UnlockStaff(ctx context.Context, r gen.UnlockStaffRequestObject) (gen.UnlockStaffResponseObject, error) {
	p, who := principalOf(ctx), idOf[staff.ID](r.Id)
	if err := s.staff.Unlock(ctx, p.clinic, p.member, who); err != nil {
		return nil, err
	}
	m, err := s.changed(ctx, who)
	return gen.UnlockStaff200JSONResponse(m), err
}

// SetStaffPassword gives a person a new first password.
func (s *Server) SetStaffPassword(ctx context.Context, r gen.SetStaffPasswordRequestObject) (gen.SetStaffPasswordResponseObject, error) {
	p, who := principalOf(ctx), idOf[staff.ID](r.Id)
	if err := s.staff.ResetPassword(ctx, p.clinic, p.member, who, r.Body.Password); err != nil {
		return nil, err
	}
	m, err := s.changed(ctx, who)
	return gen.SetStaffPassword200JSONResponse(m), err
}

// IssueBadge gives a person a new badge.
func (s *Server) IssueBadge(ctx context.Context, r gen.IssueBadgeRequestObject) (gen.IssueBadgeResponseObject, error) {
	p, who := principalOf(ctx), idOf[staff.ID](r.Id)
	if _, err := s.staff.IssueBadge(ctx, p.clinic, p.member, who); err != nil {
		return nil, err
	}
	m, err := s.changed(ctx, who)
	return gen.IssueBadge200JSONResponse(m), err
}

// SetStaffRoles gives a person other roles.
func (s *Server) SetStaffRoles(ctx context.Context, r gen.SetStaffRolesRequestObject) (gen.SetStaffRolesResponseObject, error) {
	p, who := principalOf(ctx), idOf[staff.ID](r.Id)
	if _, err := s.staff.SetRoles(ctx, p.clinic, p.member, who, rolesIn(r.Body.Roles)); err != nil {
		return nil, err
	}
	m, err := s.changed(ctx, who)
	return gen.SetStaffRoles200JSONResponse(m), err
}

// nameOf returns the name of a member of staff for display, "" when it cannot be found.
func (s *Server) nameOf(ctx context.Context, who string) string {
	c := principalOf(ctx).clinic
	names, err := s.names.get(c, func() (map[string]string, error) {
		members, err := s.staff.Members(ctx, c)
		if err != nil {
			return nil, err
		}
		out := make(map[string]string, len(members))
		for _, m := range members {
			out[string(m.ID)] = m.Name
		}
		return out, nil
	})
	if err != nil {
		return ""
	}
	return names[who]
}
